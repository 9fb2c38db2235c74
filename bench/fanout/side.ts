import type { Cpu } from '../support/cpu.js';
import type { DataKind } from './payloads.js';

/** What the bench is asked to measure, for all sides alike. */
export interface Workload {
  readonly subscribers: number;
  /** How often the client asks in a round, at most; it waits for what came of it before it asks again. */
  readonly turns: number;
  /** How many events the server publishes each time, in one turn of its own. */
  readonly perTurn: number;
  /** Of an event. */
  readonly bytes: number;
  readonly data: DataKind;
  /** Whether a server is measured from its first event on. @defaultValue false */
  readonly isCold?: boolean;
  /** Whether each event is published on a connection of its own, by sides that are published to over HTTP. @defaultValue false */
  readonly isClosedEachTime?: boolean;
}

/** Of a request that publishes; each ends in a line's end. */
export function connectionHeader({ isClosedEachTime = false }: Workload): string {
  return isClosedEachTime ? 'Connection: close\r\n' : '';
}

/** A server that runs. */
export interface SideServer {
  readonly port: number;
  /** What its streams are at. @defaultValue `/` */
  readonly path?: string;
  /** Where its client asks for events. */
  readonly controlPort: number;
  /** A file with what to ask by; without it, a byte. */
  readonly askFile?: string;
  cpu(): Promise<Cpu>;
  stop(): Promise<void>;
}

/** One way to bring events to many subscribers. */
export interface Side {
  readonly name: string;
  /** @param wrap - the command that is to start it: see `support/wrapping.ts`. */
  start(wrap: readonly string[]): Promise<SideServer>;
}
