/** A response's body as it was before it was compressed, flush by flush. */

import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';

/** What there is comes out at once, and a body that breaks off is read as far as it goes, as browsers do. */
const ZLIB = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
const BROTLI = {
  flush: constants.BROTLI_OPERATION_FLUSH,
  finishFlush: constants.BROTLI_OPERATION_FLUSH,
};

/** @param onFault - called when what came is not what `Content-Encoding` says it is. */
export function decodedBody(response: IncomingMessage, onFault: (fault: string) => void): Readable {
  const coding = (response.headers['content-encoding'] ?? '').trim().toLowerCase();
  const decoder = decoderOf(coding);
  if (decoder === null) return response;
  // Before the pipeline, which hands a fault of the decoder to the response as well.
  decoder.once('error', ({ message }) => {
    if (response.errored === null) onFault(`${coding}: ${message}`);
  });
  return pipeline(response, decoder, () => {});
}

function decoderOf(coding: string): Transform | null {
  if (coding === 'br') return createBrotliDecompress(BROTLI);
  if (coding === 'gzip' || coding === 'x-gzip') return createGunzip(ZLIB);
  return coding === 'deflate' ? new Inflate() : null;
}

/** Reads `deflate` as the standard has it, within zlib's format, and bare, as some servers send it: the first byte tells. */
class Inflate extends Transform {
  #inflate: Transform | null = null;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#inflate ??= this.#begin(chunk);
    this.#inflate.write(chunk, () => done());
  }

  override _flush(done: TransformCallback): void {
    if (this.#inflate === null) done();
    else this.#inflate.once('end', () => done()).end();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#inflate?.destroy();
    done(error);
  }

  #begin([first = 0]: Buffer): Transform {
    const inflate = (first & 0x0f) === 8 ? createInflate(ZLIB) : createInflateRaw(ZLIB);
    return inflate.on('data', (bytes) => this.push(bytes)).on('error', (error) => this.destroy(error));
  }
}
