/** What connections are given in one turn of the event loop, kept once for all that are given the same. */

import { Frame } from '../event-stream/frame.js';

/** So many frames are held one by one: a loop that awaits nothing must not keep all of its events. */
const MAX_APART = 1_000;

/** The batch that was begun last in this turn. */
let lastBegun: Batch | null = null;

/**
 * Frames in the order in which they were given. It is a list from its end, and never changes: a connection holds its last one, and those that
 * are given the same hold the same. So a frame costs a connection no memory, and what is joined at the end of the turn is joined once.
 */
export class Batch {
  /** Of all its frames. */
  readonly byteLength: number;
  readonly eventCount: number;
  readonly #frame: Frame;
  readonly #before: Batch | null;
  /** What came before those, a thousand at a time. */
  readonly #joinedBefore: Batch | null;
  /** How many there are apart. */
  readonly #count: number;
  /** The batch that was made of this one last: for most connections the next frame is the same. */
  #next: Batch | null = null;
  #joined: Frame | null = null;

  private constructor(frame: Frame, before: Batch | null, joinedBefore: Batch | null) {
    const all = before ?? joinedBefore;
    this.byteLength = frame.byteLength + (all?.byteLength ?? 0);
    this.eventCount = frame.eventCount + (all?.eventCount ?? 0);
    this.#frame = frame;
    this.#before = before;
    this.#joinedBefore = joinedBefore;
    this.#count = before === null ? 1 : before.#count + 1;
  }

  /** The batch of one frame alone. */
  static begin(frame: Frame): Batch {
    // Hot path: bench/fanout.
    if (lastBegun === null || lastBegun.#frame !== frame) lastBegun = new Batch(frame, null, null);
    return lastBegun;
  }

  /** Nothing is begun any more as it was before: a turn is over, and what it brought need not be kept. */
  static endTurn(): void {
    lastBegun = null;
  }

  /** This batch, and one frame more. */
  with(frame: Frame): Batch {
    // Hot path: bench/fanout, 20 events a turn.
    const next = this.#next;
    return next !== null && next.#frame === frame ? next : this.#append(frame);
  }

  /** All of it as one frame. */
  join(): Frame {
    // Hot path: bench/fanout, one event a turn.
    if (this.#before === null && this.#joinedBefore === null) return this.#frame;
    this.#joined ??= Frame.join([...Batch.#framesOf(this.#joinedBefore), ...Batch.#framesOf(this)]);
    return this.#joined;
  }

  #append(frame: Frame): Batch {
    if (this.#count < MAX_APART) this.#next = new Batch(frame, this, this.#joinedBefore);
    else {
      // It would hold all that has followed it.
      lastBegun = null;
      const joined = Frame.join(Batch.#framesOf(this));
      this.#next = new Batch(frame, null, new Batch(joined, this.#joinedBefore, null));
    }
    return this.#next;
  }

  /** Those that are held one by one, in order. */
  static #framesOf(last: Batch | null): Frame[] {
    const frames: Frame[] = [];
    for (let batch = last; batch !== null; batch = batch.#before) frames.push(batch.#frame);
    return frames.reverse();
  }
}
