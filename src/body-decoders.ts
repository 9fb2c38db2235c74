/** Bodies as they were before they were compressed, flush by flush. For Node alone. */

import { Transform, type TransformCallback } from 'node:stream';
import { constants, createBrotliDecompress, createInflateRaw, createUnzip } from 'node:zlib';

/** What the first byte of a zlib header ends with. */
const ZLIB_METHOD = 8;

/** What there is comes out at once, and a body that breaks off is read as far as it goes, as browsers do. */
const AS_IT_COMES = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
const unzip = () => createUnzip(AS_IT_COMES);

/** `deflate` has zlib's header, by RFC 9110; some servers send it without, and browsers read that. */
class Inflate extends Transform {
  #inflate: Transform | null = null;
  /** What goes on once that has taken what it was given; it does not say so of what follows its end. */
  #done: TransformCallback | null = null;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#inflate ??= this.#begin((chunk[0]! & 0x0f) === ZLIB_METHOD);
    this.#done = done;
    if (this.#inflate.readableEnded) this.#goOn();
    else this.#inflate.write(chunk, () => this.#goOn());
  }

  override _read(size: number): void {
    this.#inflate?.resume();
    super._read(size);
  }

  override _flush(done: TransformCallback): void {
    this.#done = done;
    if (this.#inflate === null || this.#inflate.readableEnded) this.#goOn();
    else this.#inflate.end();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#inflate?.destroy();
    done(error);
  }

  #begin(hasHeader: boolean): Transform {
    const inflate = hasHeader ? unzip() : createInflateRaw(AS_IT_COMES);
    inflate.on('data', (bytes: Buffer) => this.push(bytes) || inflate.pause());
    inflate.on('end', () => this.#goOn());
    return inflate.on('error', (error) => this.destroy(error));
  }

  #goOn(): void {
    const done = this.#done;
    this.#done = null;
    done?.();
  }
}

/** By the names of `Content-Encoding`, in lower case. */
export const BODY_DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: unzip,
  'x-gzip': unzip,
  deflate: () => new Inflate(),
  br: () =>
    createBrotliDecompress({
      flush: constants.BROTLI_OPERATION_FLUSH,
      finishFlush: constants.BROTLI_OPERATION_FLUSH,
    }),
};
