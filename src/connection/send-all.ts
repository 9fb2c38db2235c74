import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { HAS_DESCRIPTORS } from './descriptor.js';

/**
 * Sends the same bytes to each of some sockets, as far as the system has room for them, and never waits.
 *
 * @param descriptors - the sockets' file descriptors: non-blocking ones, from `start` to before `end`.
 * @param taken - gets at the same places how many of the bytes the system has taken: 0 as well where something went wrong.
 * @returns whether all have been taken, by every socket.
 */
export type SendAll = (
  descriptors: Int32Array,
  start: number,
  end: number,
  bytes: Uint8Array,
  taken: Int32Array,
) => boolean;

/** What `send-all.c` exports. */
export interface NativeSending {
  /** A call of the system for each. */
  readonly sendEach: SendAll;
  /** A call of the system for 256 of them. It is there where the system has io_uring, and lets us use it. */
  readonly sendAll?: SendAll;
}

/** The way that costs least of those that there are here. */
export function cheapestSendAll(): SendAll {
  const native = nativeSending();
  return native?.sendAll ?? native?.sendEach ?? sendOneByOne;
}

/**
 * `send-all.c`, as `npm run build` compiles it; null on other systems, where it was not compiled, and with Node's `--no-addons`.
 *
 * It is found through the package's name, not from this file's place: of a bundle, that could be anybody's folder.
 */
export function nativeSending(): NativeSending | null {
  // Deno would ask the user whether it may load it.
  if (!HAS_DESCRIPTORS) return null;
  const require = createRequire(import.meta.url);
  try {
    const prebuild = `prebuilds/${process.platform}-${process.arch}/send-all.node`;
    return require(join(dirname(require.resolve('tradewind/package.json')), prebuild));
  } catch {
    return null;
  }
}

/** A call of the system for each, and of JavaScript as well. */
export const sendOneByOne: SendAll = (descriptors, start, end, bytes, taken) => {
  let isWhole = true;
  for (let at = start; at < end; at++) {
    try {
      taken[at] = writeSync(descriptors[at]!, bytes);
    } catch {
      taken[at] = 0;
    }
    if (taken[at] !== bytes.length) isWhole = false;
  }
  return isWhole;
};
