import type { ExecutionContext } from 'ava';
import { TokenSigner } from '../../src/hub/authorization/token-signer.js';
import { Hub, type HubOptions } from '../../src/hub/index.js';
import type { Server } from '../../src/index.js';
import { type ConnectOptions, connect, type TestClient } from '../../src/testing/index.js';
import { RecordingLogger } from '../support/recording-logger.js';

export const MERCURE = '/.well-known/mercure';
export const JWT_KEY = '!ChangeThisMercureHubJWTSecretKey!';
export const PUBLISH_KEY = 'much-secret';

interface Grants {
  publish?: readonly string[];
  subscribe?: readonly string[];
  payload?: unknown;
  expiresAt?: number | null;
}

/** Signs a token that grants what is named, and nothing else. */
export function tokenFor({ publish = [], subscribe = [], payload, expiresAt = null }: Grants): Promise<string> {
  return new TokenSigner(JWT_KEY).sign({ publish, subscribe, payload, expiresAt });
}

export async function bearer(grants: Grants): Promise<{ Authorization: string }> {
  return { Authorization: `Bearer ${await tokenFor(grants)}` };
}

/** A hub of one spec. */
export class ServedHub {
  readonly hub: Hub;
  readonly server: Server;
  readonly logger: RecordingLogger;
  readonly #t: ExecutionContext;

  constructor(t: ExecutionContext, hub: Hub, server: Server, logger: RecordingLogger) {
    this.#t = t;
    this.hub = hub;
    this.server = server;
    this.logger = logger;
  }

  get url(): string {
    return this.server.url;
  }

  /** Opens a stream, by path and query, and closes it when the spec ends. */
  async open(path: string, options?: ConnectOptions): Promise<TestClient> {
    const client = await connect(this.server, path, options);
    this.#t.teardown(() => client.close());
    return client;
  }

  /** Subscribes by Mercure, anonymously unless said otherwise. */
  async subscribe(topics: readonly string[], { grants, ...options }: ConnectOptions & { grants?: Grants } = {}) {
    const query = new URLSearchParams(topics.map((topic): [string, string] => ['topic', topic]));
    const headers = { ...options.headers, ...(grants === undefined ? {} : await bearer(grants)) };
    return this.open(`${MERCURE}?${query}`, { ...options, headers });
  }

  /** Posts a form by Mercure, with the right to publish anything unless said otherwise. */
  async publish(
    fields: string | readonly (readonly [string, string])[],
    headers?: Record<string, string>,
  ): Promise<Response> {
    const body =
      typeof fields === 'string'
        ? fields
        : new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value])).toString();
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    return this.fetch(MERCURE, {
      method: 'POST',
      body,
      headers: { ...form, ...(headers ?? (await bearer({ publish: ['*'] }))) },
    });
  }

  /** Publishes by Mercure, which must go well, and returns the id. */
  async published(
    topics: string | readonly string[],
    data: string,
    more: readonly (readonly [string, string])[] = [],
  ): Promise<string> {
    const names = typeof topics === 'string' ? [topics] : topics;
    const response = await this.publish([...names.map((topic) => ['topic', topic] as const), ['data', data], ...more]);
    const body = await response.text();
    this.#t.is(response.status, 200, body);
    return body;
  }

  /** Posts to the simple interface, with the publish key. */
  post(
    body: string,
    type = 'application/x-www-form-urlencoded',
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const common = { 'Content-Type': type, Authorization: `Bearer ${PUBLISH_KEY}` };
    return this.fetch('/publish', { method: 'POST', body, headers: { ...common, ...headers } });
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(this.url + path, init);
  }
}

/** Starts a hub with a key for tokens, a publish key, and anonymous subscribers, and stops it when the spec ends. */
export async function serveHub(t: ExecutionContext, options: HubOptions = {}): Promise<ServedHub> {
  const logger = new RecordingLogger();
  const hub = new Hub({ jwtKey: JWT_KEY, anonymous: true, publishKey: PUBLISH_KEY, logger, ...options });
  const server = await hub.listen();
  t.teardown(async () => {
    await hub.close();
    const left = logger.take();
    if (left.length > 0)
      throw new Error(`Unexpected log output: ${left.map(({ message, err }) => `${message} ${err}`)}`);
  });
  return new ServedHub(t, hub, server, logger);
}
