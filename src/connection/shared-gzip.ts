/** Compresses once what many connections are sent alike, although each has a gzip stream of its own. */

import { Frame } from '../event-stream/frame.js';
import { GZIP_HEADER } from './deflate-block.js';
import { Chain, type Link, type LoneBlock, LoneBlocks } from './gzip-chain.js';

/** What becomes of frames before they are written to one connection. */
export interface ContentCoding {
  /** Call it for all that is written, in that order. */
  encode(frame: Frame): Frame;
}

/**
 * The gzip streams of one mount.
 *
 * Connections that are sent the same frames one after the other share a {@link Chain}: each frame is compressed once for all of
 * them, and refers to those before it. Whoever comes later, or was sent something else in between, gets blocks that refer to
 * nothing, and joins when the chain begins an epoch: with a block that refers to nothing either.
 *
 * What is decompressed is what was sent, whoever shares what: a block goes to those alone who were sent the text that it refers to.
 */
export class SharedGzip {
  /** @internal */
  readonly loneBlocks = new LoneBlocks();
  #first: { readonly block: Frame; readonly withHeader: Frame } | null = null;

  /** The coding of one connection. */
  open(): ContentCoding {
    return new GzipStream(this);
  }

  /** The first block of a stream: who connect together begin with the same. @internal */
  withHeader(block: Frame): Frame {
    if (this.#first?.block !== block) {
      this.#first = { block, withHeader: Frame.ofBytes(Buffer.concat([GZIP_HEADER, block.bytes])) };
    }
    return this.#first.withHeader;
  }
}

class GzipStream implements ContentCoding {
  readonly #shared: SharedGzip;
  #isBegun = false;
  /** What it was sent last: as a block of a chain, or alone. */
  #link: Link | null = null;
  #lone: LoneBlock | null = null;

  constructor(shared: SharedGzip) {
    this.#shared = shared;
  }

  encode(frame: Frame): Frame {
    // Hot path: bench/compress.
    this.#link = (this.#link ?? this.#join())?.next(frame) ?? null;
    const block = this.#link?.block ?? this.#sendAlone(frame);
    if (this.#isBegun) return block;
    this.#isBegun = true;
    return this.#shared.withHeader(block);
  }

  /** Goes on with those who were sent the same last, if there are any. */
  #join(): Link | null {
    const lone = this.#lone;
    this.#lone = null;
    if (lone === null) return null;
    if (lone.count > 1 && !lone.isShared) new Chain(this.#shared.loneBlocks).begin(lone).takers = lone.count;
    return lone.link;
  }

  #sendAlone(frame: Frame): Frame {
    this.#lone = this.#shared.loneBlocks.of(frame);
    this.#lone.count++;
    return this.#lone.block;
  }
}
