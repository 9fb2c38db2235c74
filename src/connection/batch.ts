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
  readonly #before: Batch | null;
  readonly #frame: Frame;
  readonly #count: number;
  /** The batch that was made of this one last: for most connections the next frame is the same. */
  #next: Batch | null = null;
  #joined: Frame | null = null;

  private constructor(before: Batch | null, frame: Frame) {
    this.byteLength = frame.byteLength + (before === null ? 0 : before.byteLength);
    this.#before = before;
    this.#frame = frame;
    this.#count = before === null ? 1 : before.#count + 1;
  }

  /** The batch of one frame alone. */
  static begin(frame: Frame): Batch {
    // Hot path: bench/fanout.
    if (lastBegun === null || lastBegun.#frame !== frame) lastBegun = new Batch(null, frame);
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
    if (this.#before === null) return this.#frame;
    this.#joined ??= Frame.join(this.#frames());
    return this.#joined;
  }

  #append(frame: Frame): Batch {
    const before = this.#count < MAX_APART ? this : new Batch(null, this.join());
    this.#next = new Batch(before, frame);
    return this.#next;
  }

  #frames(): Frame[] {
    const frames = new Array<Frame>(this.#count);
    let at = this.#count;
    for (let batch: Batch | null = this; batch !== null; batch = batch.#before) frames[--at] = batch.#frame;
    return frames;
  }
}
