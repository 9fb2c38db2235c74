import type { ExecutionContext } from 'ava';
import type { HubOptions } from '../../../src/hub/index.js';
import { FakeClock, type TestClient } from '../../../src/testing/index.js';
import { PUBLISH_KEY, type ServedHub, serveHub } from '../serve-hub.js';

export const KEY = { Authorization: `Bearer ${PUBLISH_KEY}` };

/** A hub without a key, whose seconds pass when the spec says so. */
export async function serveOpenHub(
  t: ExecutionContext,
  options: HubOptions = {},
): Promise<{ hub: ServedHub; clock: FakeClock }> {
  const clock = new FakeClock();
  const none = { jwtKey: undefined, publishKey: undefined, anonymous: undefined } as unknown as HubOptions;
  return { hub: await serveHub(t, { ...none, clock, ...options }), clock };
}

/** What a console is told. */
export interface State {
  readonly hub: { readonly name: string; readonly others: number };
  readonly point: Record<string, number> | null;
  readonly totals: Record<string, number>;
  readonly channels: { readonly items: { name: string; subscribers: number; rate: number }[]; readonly more: number };
  readonly connections: {
    readonly items: { id: number; address: string; channels: { items: string[]; more: number }; sentEvents: number }[];
    readonly more: number;
  };
  readonly incidents: {
    kind: string;
    cause: string;
    at: number;
    connection: number | null;
    address: string;
    channels: string[];
  }[];
}

/** The next event of a console's stream, which must be of this type. */
export async function told<Shape = State>(t: ExecutionContext, client: TestClient, type = 'state'): Promise<Shape> {
  const event = await client.next();
  t.is(event.type, type);
  return JSON.parse(event.data) as Shape;
}

/** Opens a console's stream, past its history, and returns its first state. */
export async function look(
  t: ExecutionContext,
  hub: ServedHub,
  headers: Record<string, string> = {},
): Promise<{ client: TestClient; state: State }> {
  const client = await hub.open('/console/state', { headers });
  t.is(client.status, 200);
  await told(t, client, 'history');
  return { client, state: await told(t, client) };
}
