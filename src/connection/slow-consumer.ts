import type { Frame } from '../event-stream/frame.js';

/** What the `latest` policy keeps of a queue: the newest frame of each event type, in order. */
export function latestOfEachType(waiting: readonly Frame[]): Frame[] {
  // By place, not by frame: writers that send the same event share one.
  const newest = new Map(waiting.map((frame, index) => [frame.eventType, index]));
  return waiting.filter((frame, index) => newest.get(frame.eventType) === index);
}
