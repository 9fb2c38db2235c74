import { InvalidEventError, quote } from '../errors.js';

/** What every engine can take as a part of a key, a subject or a header. */
const MAX_BYTES = 255;

/**
 * Checks the name of a channel, and returns it.
 *
 * @throws {@link InvalidEventError} `INVALID_CHANNEL` when it is not 1 to 255 bytes of UTF-8 without control characters.
 */
export function checkedChannel(name: string): string {
  // Hot path: bench/fanout, case "broker publish".
  if (typeof name !== 'string' || name === '') throw invalid(name, 'is empty, or no string');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\0-\x1f\x7f]/.test(name)) throw invalid(name, 'contains a control character');
  // A character is three bytes at most for each of its UTF-16 units.
  if (name.length * 3 > MAX_BYTES && Buffer.byteLength(name) > MAX_BYTES)
    throw invalid(name, 'is longer than 255 bytes');
  return name;
}

/** The channels of a subscription: checked, each once. */
export function checkedChannels(names: readonly string[]): string[] {
  if (names.length === 0) throw invalid('', 'is missing');
  return [...new Set(names.map(checkedChannel))];
}

function invalid(name: unknown, fault: string): InvalidEventError {
  return new InvalidEventError(
    'INVALID_CHANNEL',
    `Invalid channel: ${quote(name)} ${fault}. Use 1 to 255 bytes without control characters.`,
  );
}
