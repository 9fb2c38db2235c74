import type { Frame } from '../event-stream/frame.js';

/**
 * What the `latest` policy keeps: the newest frame of each event type, in order. Each frame is looked at once, however many
 * there are: to look through a full queue for each event would delay the other connections.
 */
export class LatestFrames {
  readonly #byType = new Map<string | null, Frame>();
  byteLength = 0;
  #droppedEvents = 0;

  add(frames: readonly Frame[]): void {
    for (const frame of frames) {
      this.#drop(frame.eventType);
      this.#byType.set(frame.eventType, frame);
      this.byteLength += frame.byteLength;
    }
  }

  /** Drops the oldest until no more than so many bytes are left, or only one frame. */
  shrinkTo(maxBytes: number): void {
    for (const type of this.#byType.keys()) {
      if (this.byteLength <= maxBytes || this.#byType.size === 1) return;
      this.#drop(type);
    }
  }

  frames(): IterableIterator<Frame> {
    return this.#byType.values();
  }

  /** How many events were dropped since the last call. */
  takeDropped(): number {
    const dropped = this.#droppedEvents;
    this.#droppedEvents = 0;
    return dropped;
  }

  #drop(type: string | null): void {
    const frame = this.#byType.get(type);
    if (frame === undefined) return;
    this.byteLength -= frame.byteLength;
    this.#droppedEvents += frame.eventCount;
    this.#byType.delete(type);
  }
}
