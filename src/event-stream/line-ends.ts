/** Where lines end, in bytes and in text: a line feed, a carriage return, or both. No Node import. */

const LF = 10;
const CR = 13;

/** As {@link firstLineEnd}, where it is a few bytes off: a native search costs as much as 30 steps. */
export function lineEndFrom(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== LF && bytes[at] !== CR) at++;
  return at;
}

/** The index of the first LF or CR from `start` on; `end` when there is none before it. */
export function firstLineEnd(bytes: Uint8Array, start: number, end: number): number {
  const part = partOf(bytes, 0, end);
  const lf = indexOrEnd(part, LF, start, end);
  return indexOrEnd(part.subarray(0, lf), CR, start, lf);
}

/** The index of the last LF or CR before `end`; `start - 1` when there is none from `start` on. */
export function lastLineEnd(bytes: Uint8Array, start: number, end: number): number {
  const part = partOf(bytes, start, end);
  // Part of a long line: no need to look from the back.
  if (part.indexOf(LF) === -1 && part.indexOf(CR) === -1) return start - 1;
  const lf = part.lastIndexOf(LF);
  const cr = part.subarray(lf + 1).lastIndexOf(CR);
  return start + (cr === -1 ? lf : lf + 1 + cr);
}

/** Where the line starts that follows the one which ends at this index. */
export function nextLine(bytes: Uint8Array, end: number): number {
  return bytes[end] === CR && bytes[end + 1] === LF ? end + 2 : end + 1;
}

/** To make one costs as much as to look through 1 KiB. */
function partOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}

export function indexOrEnd(bytes: Uint8Array, byte: number, from: number, end: number): number {
  const index = bytes.indexOf(byte, from);
  return index === -1 || index > end ? end : index;
}

export function indexOrLength(text: string, character: string, from: number): number {
  const index = text.indexOf(character, from);
  return index === -1 ? text.length : index;
}
