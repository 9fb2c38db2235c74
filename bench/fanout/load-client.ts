/** The subscribers of one side, in a process of their own. */

import { LineProcess } from '../support/line-process.js';
import { Helper } from '../support/processes.js';
import type { SideServer } from './side.js';

export interface LoadResult {
  /** Whether every subscriber got every event, once, and the same bytes as the others. */
  readonly ok: boolean;
  /** Why not. */
  readonly fault: string;
  readonly deliveries: number;
  readonly wallNs: number;
  /** The client's own. */
  readonly cpuNs: number;
  /** Received by all subscribers, HTTP's framing included. */
  readonly wireBytes: number;
  /** From asking to when the last subscriber has its last event. */
  readonly lastUs: { readonly p50: number; readonly p99: number };
}

export interface LoadClient {
  /** How many of the streams have a content coding; their chunks count for events. */
  readonly coded: number;
  /** Asks `turns` times, and waits each time until everybody has `perTurn` events. */
  run(turns: number, perTurn: number): Promise<LoadResult>;
  stop(): Promise<void>;
}

/** Connects so many subscribers, and resolves when all have their headers. */
export type StartLoadClient = (server: SideServer, subscribers: number, wrap: readonly string[]) => Promise<LoadClient>;

/**
 * `native/load.c`.
 *
 * @param coding - that it says it accepts, such as `gzip`.
 */
export function nativeLoadClient(program: string, coding?: string): StartLoadClient {
  return async ({ port, path = '/', controlPort, askFile = '' }, subscribers, wrap) => {
    const args = [port, controlPort, subscribers, path].map(String);
    const client = new LineProcess([...wrap, program, ...args, askFile, ...(coding === undefined ? [] : [coding])]);
    const { coded } = await client.read<{ coded: number }>();
    return { coded, run: (turns, perTurn) => client.ask(`${turns} ${perTurn}`), stop: () => client.stop() };
  };
}

/** `support/client.ts`, where there is no compiler: it counts events, but compares no bytes. */
export const nodeLoadClient: StartLoadClient = async ({ port, path = '/', controlPort }, subscribers, wrap) => {
  const client = await Helper.start('client.ts', [], wrap);
  await client.ask({ do: 'open', path, count: subscribers, port, controlPort });
  return { coded: 0, run: (turns, perTurn) => client.ask({ do: 'run', turns, perTurn }), stop: () => client.stop() };
};
