/** The blocks that gzip streams are made of: alone, or in chains in which each refers to those before it. */

import { Frame } from '../event-stream/frame.js';
import { blockAfter, blockAlone, WINDOW_BYTES } from './deflate-block.js';

/** The lone blocks of one mount: one of each frame, as long as somebody has the frame. */
export class LoneBlocks {
  readonly #blocks = new WeakMap<Frame, LoneBlock>();

  of(frame: Frame): LoneBlock {
    let block = this.#blocks.get(frame);
    if (block === undefined) {
      block = new LoneBlock(frame);
      this.#blocks.set(frame, block);
    }
    return block;
  }
}

/** A frame as a block that anyone can be sent at any time. */
export class LoneBlock {
  readonly frame: Frame;
  /** How often it was sent. */
  count = 0;
  /** Whether a chain has this frame: then those who were sent it alone need not begin another. */
  isShared = false;
  /** Where whoever was sent it last can go on. */
  link: Link | null = null;
  #block: Frame | null = null;

  constructor(frame: Frame) {
    this.frame = frame;
  }

  get block(): Frame {
    this.#block ??= Frame.ofBytes(blockAlone(this.frame.bytes));
    return this.#block;
  }
}

/**
 * After so many frames a chain begins a new epoch, if a connection waits to join. That discards the text to which later blocks could refer: with
 * epochs of 16 messages a chat shrinks to a third, with 256 to less than a quarter.
 */
const EPOCH_FRAMES = 256;
/** So many frames may one connection be behind another: a huge channel is flushed in parts. */
const KEPT_LINKS = 32;

/** Frames that some connections are sent one after the other. */
export class Chain {
  readonly loneBlocks: LoneBlocks;
  readonly #links: Link[] = [];

  constructor(loneBlocks: LoneBlocks) {
    this.loneBlocks = loneBlocks;
  }

  /** Begins an epoch: whoever was sent this block last, by whichever way, can go on from here. */
  begin(lone: LoneBlock): Link {
    lone.link = this.#add(new Link(this, lone.frame, lone.block, lone.frame.bytes.subarray(-WINDOW_BYTES), 0));
    return lone.link;
  }

  /** Adds the frame that follows `age` others of its epoch, which ended with `text`. */
  add(frame: Frame, text: Buffer, age: number, isAwaited: boolean): Link {
    if (isAwaited && age >= EPOCH_FRAMES) return this.begin(this.loneBlocks.of(frame));
    const { bytes } = frame;
    const longer = Buffer.concat([text, bytes.subarray(-WINDOW_BYTES)]).subarray(-WINDOW_BYTES);
    return this.#add(new Link(this, frame, Frame.ofBytes(blockAfter(text, bytes)), longer, age));
  }

  #add(link: Link): Link {
    this.loneBlocks.of(link.frame).isShared = true;
    this.#links.push(link);
    // Whoever has not gone on by now would otherwise hold all that follows.
    if (this.#links.length > KEPT_LINKS) this.#links.shift()?.cut();
    return link;
  }
}

/** One frame of a {@link Chain}, for those who were sent all that it refers to. */
export class Link {
  readonly frame: Frame;
  readonly block: Frame;
  /** How many were sent it. */
  takers = 0;
  readonly #chain: Chain;
  readonly #age: number;
  /** What was sent in this epoch, this frame included, as far back as a block can refer; null: nothing can follow any more. */
  #text: Buffer | null;
  /** Mostly one. Several, when somebody was sent something else: only what most are sent goes on. */
  #following: Link[] = [];
  #before: Link | null = null;

  constructor(chain: Chain, frame: Frame, block: Frame, text: Buffer, age: number) {
    this.#chain = chain;
    this.frame = frame;
    this.block = block;
    this.#text = text;
    this.#age = age;
  }

  /** The frame that follows, as a block for those who were sent this one last; null: they have to be sent it alone. */
  next(frame: Frame): Link | null {
    const link = this.#following.find((other) => isSame(other.frame, frame)) ?? this.#follow(frame);
    if (link !== null) link.takers++;
    return link;
  }

  cut(): void {
    this.#text = null;
    this.#following = [];
    this.#before = null;
  }

  #follow(frame: Frame): Link | null {
    // What one of many is sent must not cost the others their chain.
    if (this.#text === null || this.takers * 2 < (this.#before?.takers ?? 0)) return null;
    const isAwaited = this.#chain.loneBlocks.of(this.frame).count > 0;
    const link = this.#chain.add(frame, this.#text, this.#age + 1, isAwaited);
    link.#before = this;
    this.#following.push(link);
    if (this.#before !== null) {
      this.#before.#text = null;
      this.#before = null;
    }
    return link;
  }
}

function isSame(one: Frame, other: Frame): boolean {
  return one === other || one.bytes.equals(other.bytes);
}
