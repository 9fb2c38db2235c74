/** `tail -F log | tradewind serve --stdin log`: each line is an event. */

import type { Hub } from '../../hub/hub.js';
import { type LineHandling, LinePublisher } from './line-publisher.js';

/** A line feed may be in the next part. */
const LINE_END = /\r\n|\n|\r(?!$)/;

interface InputHandling extends LineHandling {
  /** In characters; a longer line is no event, and is not kept in memory. */
  readonly longestLine: number;
}

/**
 * Publishes each line of a stream on a channel, and resolves at its end. What is read faster than the broker takes it waits in the pipe, and so
 * does everything while the broker is away. Rejects when the stream cannot be read.
 */
export async function publishLines(
  hub: Pick<Hub, 'publish'>,
  channel: string,
  input: NodeJS.ReadableStream,
  { longestLine, ...handling }: InputHandling,
): Promise<void> {
  const publisher = new LinePublisher(hub, channel, handling);
  for await (const line of linesOf(input.setEncoding('utf8'), longestLine)) {
    if (line === null) handling.refused(new Error(`it is longer than ${longestLine} characters`));
    else await publisher.publish(line);
  }
  await publisher.end();
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
