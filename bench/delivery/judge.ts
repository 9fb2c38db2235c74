/** From what was published and what clients saw to what is wrong. Pure, and linear in what was seen. */

import { ClientJudge } from './client-judge.js';
import { EventTable } from './event-table.js';
import { ACKNOWLEDGED, type ObserverRecord, type PublisherRecord, REFUSED, UNCERTAIN } from './records.js';
import { Violations } from './violations.js';

export interface Verdict {
  readonly published: number;
  readonly acknowledged: number;
  /** Rejected, with nobody knowing whether the event was kept; and as not kept. */
  readonly uncertain: number;
  readonly refused: number;
  /** Events that clients received, each as often as it was. */
  readonly delivered: number;
  readonly connects: number;
  readonly gaps: number;
  /** Gaps in whose place an acknowledged event is missing. The others may be for one whose outcome is unknown, or needless. */
  readonly gapsWithLoss: number;
  /** Acknowledged events that clients missed and were told of. */
  readonly covered: number;
  readonly violations: Violations;
}

/**
 * Holds a run against the promise: for each client, every acknowledged event of its channels, from the first that it saw, or
 * that was published after it had subscribed, to the last that there was, is there once and in order, or a gap was told
 * where it is missing. And nothing else is there.
 *
 * The order is that of the ids, which publishers and clients learn from the broker; it must agree with what each of them saw.
 */
export function judge(publishers: readonly PublisherRecord[], observers: readonly ObserverRecord[]): Verdict {
  const violations = new Violations();
  const table = new EventTable(publishers, observers, violations);
  const clients = new ClientJudge(table, violations);
  for (const observer of observers) {
    for (const client of observer.clients) clients.judge(client, observer);
  }
  const { delivered, connects, gaps, gapsWithLoss, covered } = clients;
  return {
    published: table.size,
    acknowledged: countOf(publishers, ACKNOWLEDGED),
    uncertain: countOf(publishers, UNCERTAIN),
    refused: countOf(publishers, REFUSED),
    ...{ delivered, connects, gaps, gapsWithLoss, covered, violations },
  };
}

function countOf(publishers: readonly PublisherRecord[], outcome: number): number {
  let count = 0;
  for (const { outcomes } of publishers) {
    for (let index = 0; index < outcomes.length; index++) if (outcomes[index] === outcome) count++;
  }
  return count;
}
