/** A client's log, for a person. */

import type { ClientRecord, ObserverRecord } from './records.js';

const BEFORE = 8;
const AFTER = 4;
const SHOWN_CHARACTERS = 40;

/** The entries around an index, which is marked; one past the last is the log's end. */
export function describeAround({ log }: ClientRecord, observer: ObserverRecord, index: number): string {
  const lines: string[] = [];
  for (let at = Math.max(0, index - BEFORE); at <= Math.min(log.length, index + AFTER); at++) {
    const text = at === log.length ? 'the end' : describeEntry(log[at]!, observer);
    lines.push(`  ${at === index ? '>' : ' '} [${at}] ${text}`);
  }
  return lines.join('\n');
}

function describeEntry(entry: number, { events, moments }: ObserverRecord): string {
  if (entry < 0) {
    const { kind, at, text } = moments[~entry]!;
    return `${at.toFixed(1)} ${kind} ${text}`;
  }
  const { id, data } = events[entry]!;
  return `event ${JSON.stringify(id)} ${JSON.stringify(data.slice(0, SHOWN_CHARACTERS))}`;
}
