import type { Frame } from '../event-stream/frame.js';
import type { ConnectionOptions } from './connection-options.js';

/**
 * What a slow consumer's queue keeps: at most `maxBufferedBytes`, in order, and always the newest frame.
 * Under `latest` first only the newest of each event type; then, under both policies, the oldest go.
 */
export function compacted(
  waiting: readonly Frame[],
  { slowConsumer, maxBufferedBytes }: Pick<ConnectionOptions, 'slowConsumer' | 'maxBufferedBytes'>,
): Frame[] {
  const kept: Frame[] = [];
  const seenTypes = new Set<string | null>();
  let bytes = 0;
  for (let index = waiting.length - 1; index >= 0; index--) {
    const frame = waiting[index]!;
    if (slowConsumer === 'latest') {
      if (seenTypes.has(frame.eventType)) continue;
      seenTypes.add(frame.eventType);
    }
    bytes += frame.byteLength;
    if (bytes > maxBufferedBytes && kept.length > 0) break;
    kept.push(frame);
  }
  return kept.reverse();
}
