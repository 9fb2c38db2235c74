/** `tail -F log | tradewind serve --stdin log`: each line is an event. */

import { createInterface } from 'node:readline';
import type { Hub } from '../../hub/hub.js';

/** So many lines may be on their way to the broker: what is read faster waits in the pipe. */
const MAX_PENDING = 1_000;

/**
 * Publishes each line of a stream on a channel, and resolves at its end.
 *
 * @param refused - hears of each line that was not published.
 */
export async function publishLines(
  hub: Hub,
  channel: string,
  input: NodeJS.ReadableStream,
  refused: (thrown: unknown) => void,
): Promise<void> {
  const pending = new Set<Promise<unknown>>();
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    const publishing: Promise<unknown> = hub
      .publish({ topics: [channel], data: line })
      .catch(refused)
      .finally(() => pending.delete(publishing));
    pending.add(publishing);
    if (pending.size >= MAX_PENDING) await Promise.race(pending);
  }
  await Promise.all(pending);
}
