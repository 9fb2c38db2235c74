/**
 * What workers and their primary say to each other over Node's IPC. A message costs as much as some ten events in it, so
 * all of one turn is in one.
 */

import type { LogEvent } from '../event-log.js';
import type { HistoryLimits } from '../history.js';

/** What a broker of a worker asks. What has a number is answered under it. */
export type Request =
  /** Begins a session with the log of this name. Limits are `null` where there is none: JSON has no Infinity. */
  | readonly ['hello', name: string, limits: WireLimits]
  /** Channel, text and the publisher's id, over and over. Each is answered by its sequence, in order. */
  | readonly ['append', events: readonly (string | null)[]]
  | readonly ['send', channel: string, text: string]
  | readonly ['follow', number: number, channels: readonly string[]]
  | readonly ['unfollow', channel: string]
  | readonly ['sync', number: number]
  | readonly ['read', number: number, channel: string, after: number | null, limit: number]
  | readonly ['locate', number: number, channels: readonly string[], id: string]
  | readonly ['bye'];

/** What a broker of a worker is told. */
export type Report =
  | readonly ['connected', epoch: string]
  | readonly ['refused', option: string, why: string]
  /** It did not read for too long: nothing is followed any more, and what was asked is not answered. `connected` comes next. */
  | readonly ['lost']
  /** Channel, sequence, the publisher's id and text, over and over. */
  | readonly ['events', events: (string | number | null)[]]
  /** An event that is not kept. */
  | readonly ['unkept', channel: string, text: string]
  /** The next events that it asked to append have these sequences: from the first on, so many. */
  | ['appended', first: number, count: number]
  | readonly ['answer', number: number, value: unknown];

export type WireLimits = readonly [count: number | null, bytes: number | null, ms: number | null];

/** From a broker of a worker to the primary. */
export interface ToPrimary {
  readonly tradewind: 'ask';
  /** Which of the worker's brokers. */
  readonly session: number;
  readonly requests: readonly Request[];
}

/** From the primary to a broker of a worker. */
export interface ToWorker {
  readonly tradewind: 'tell';
  readonly session: number;
  readonly reports: readonly Report[];
  /** All up to this sequence has been told; null: there is more to come. */
  readonly head: number | null;
}

/** From the primary to a worker that it may not have heard: its logs are there now. */
export interface Here {
  readonly tradewind: 'here';
}

/** Other parts of a program use the same channel. */
export function isToPrimary(message: unknown): message is ToPrimary {
  return kindOf(message) === 'ask';
}

export function isToWorker(message: unknown): message is ToWorker | Here {
  const kind = kindOf(message);
  return kind === 'tell' || kind === 'here';
}

export function toWire({ historyCount, historyBytes, historyMs }: HistoryLimits): WireLimits {
  const [count, bytes, ms] = [historyCount, historyBytes, historyMs].map((limit) =>
    Number.isFinite(limit) ? limit : null,
  );
  return [count!, bytes!, ms!];
}

export function fromWire([count, bytes, ms]: WireLimits): HistoryLimits {
  return { historyCount: count ?? Infinity, historyBytes: bytes ?? Infinity, historyMs: ms ?? Infinity };
}

/** Calls back for each event of an `events` report. */
export function forEachEvent(
  events: readonly (string | number | null)[],
  call: (channel: string, event: LogEvent) => void,
): void {
  for (let at = 0; at < events.length; at += 4) {
    const id = events[at + 2] as string | null;
    call(events[at] as string, { sequence: events[at + 1] as number, id, text: events[at + 3] as string });
  }
}

function kindOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null ? (message as { tradewind?: unknown }).tradewind : undefined;
}
