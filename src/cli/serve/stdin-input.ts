/** `tail -F log | tradewind serve --stdin log`: each line is an event. */

import type { Hub } from '../../hub/hub.js';

/** So many lines may be on their way to the broker: what is read faster waits in the pipe. */
const MAX_PENDING = 1_000;
/** A line feed may be in the next part. */
const LINE_END = /\r\n|\n|\r(?!$)/;

interface LineHandling {
  /** In characters; a longer line is no event, and is not kept in memory. */
  readonly longestLine: number;
  /** Hears of each line that was not published. */
  refused(thrown: unknown): void;
}

/** Publishes each line of a stream on a channel, and resolves at its end. Rejects when it cannot be read. */
export async function publishLines(
  hub: Pick<Hub, 'publish'>,
  channel: string,
  input: NodeJS.ReadableStream,
  { longestLine, refused }: LineHandling,
): Promise<void> {
  const pending = new Set<Promise<unknown>>();
  for await (const line of linesOf(input.setEncoding('utf8'), longestLine)) {
    if (line === null) {
      refused(new Error(`it is longer than ${longestLine} characters`));
      continue;
    }
    const publishing: Promise<unknown> = hub
      .publish({ topics: [channel], data: line })
      .catch(refused)
      .finally(() => pending.delete(publishing));
    pending.add(publishing);
    if (pending.size >= MAX_PENDING) await Promise.race(pending);
  }
  await Promise.all(pending);
}

/** The lines of a text that comes in parts, the last one as well if nothing ends it; null for one that is longer than may be. */
async function* linesOf(parts: AsyncIterable<unknown>, longest: number): AsyncGenerator<string | null> {
  let rest = '';
  let isCut = false;
  for await (const part of parts) {
    const lines = `${rest}${part}`.split(LINE_END);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      yield isCut || line.length > longest ? null : line;
      isCut = false;
    }
    // Of a line without an end, no more is kept than tells that it is one.
    if (rest.length > longest + 1) {
      rest = '';
      isCut = true;
    }
  }
  const last = rest.replace(/\r$/, '');
  if (isCut || last.length > longest) yield null;
  else if (rest !== '') yield last;
}
