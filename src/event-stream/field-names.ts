/**
 * Which field a line is, by the rest of its name, where the first letter is known. A line that is a name alone has a value that is empty. No Node import.
 */

const LF = 10;
const CR = 13;
const COLON = 58;
const LOWER_D = 100;
const LOWER_E = 101;

export function isData(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 1] === 0x61 && bytes[at + 2] === 0x74 && bytes[at + 3] === 0x61 && endsName(bytes[at + 4]);
}

export function isId(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 1] === LOWER_D && endsName(bytes[at + 2]);
}

export function isEvent(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at + 1] === 0x76 &&
    bytes[at + 2] === LOWER_E &&
    bytes[at + 3] === 0x6e &&
    bytes[at + 4] === 0x74 &&
    endsName(bytes[at + 5])
  );
}

function endsName(byte: number | undefined): boolean {
  return byte === COLON || byte === LF || byte === CR;
}
