/** What a gzip stream is made of: its header, and blocks of deflate that each end on a byte, so that they can be joined at will. */

import { constants, deflateRawSync } from 'node:zlib';

/** No time, no name, no operating system: the same for everyone. */
export const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/**
 * How far back a block may refer: 32 KiB, the most that there is. Half of it takes two thirds of the time for each block, since zlib
 * reads all of it again, and makes a chat's blocks a tenth longer.
 */
const WINDOW_BITS = 15;
export const WINDOW_BYTES = 1 << WINDOW_BITS;

/** Less than this does not shrink by itself; more would keep the event loop for longer than 10 ms. */
const LEAST_BYTES = 1024;
const MOST_BYTES = 256 * 1024;

const MOST_STORED_BYTES = 0xffff;
const STORED_HEADER_BYTES = 5;

/** A block that refers to nothing before it, to be put after any other. */
export function blockAlone(bytes: Buffer): Buffer {
  return bytes.length < LEAST_BYTES || bytes.length > MOST_BYTES ? stored(bytes) : deflated(bytes);
}

/** A block for those who were sent `text` just before: up to {@link WINDOW_BYTES} of it are of use. */
export function blockAfter(text: Buffer, bytes: Buffer): Buffer {
  return bytes.length > MOST_BYTES ? stored(bytes) : deflated(bytes, text);
}

/**
 * A one-shot call for each block, with what came before as its dictionary, and not one zlib stream that goes on: that has no
 * synchronous call, and keeps 256 KiB. It costs some times the CPU, once for all who are sent the block.
 */
function deflated(bytes: Buffer, dictionary?: Buffer): Buffer {
  return deflateRawSync(bytes, {
    windowBits: WINDOW_BITS,
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(dictionary === undefined ? {} : { dictionary }),
  });
}

/**
 * Bytes as they are.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1951#section-3.2.4
 */
function stored(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += MOST_STORED_BYTES) {
    const part = bytes.subarray(start, start + MOST_STORED_BYTES);
    const header = Buffer.alloc(STORED_HEADER_BYTES);
    header.writeUInt16LE(part.length, 1);
    header.writeUInt16LE(~part.length & 0xffff, 3);
    parts.push(header, part);
  }
  return Buffer.concat(parts);
}
