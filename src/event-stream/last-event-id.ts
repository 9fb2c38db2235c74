/** A last event ID on its way to a server. */

/** A longer one stays at home: nginx and Node refuse headers of more than 8 and 16 KiB, for good. */
const LONGEST_ID_BYTES = 8_000;

/**
 * The value of a `Last-Event-ID` header, a character for each byte of the id's UTF-8; `''`: the id stays at home, since it is none, is
 * too long, or has what HTTP cannot carry: controls other than TAB.
 */
export function lastEventIdHeader(id: string): string {
  const value = id.length > LONGEST_ID_BYTES ? '' : utf8(id);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
  return value.length > LONGEST_ID_BYTES || /[\x00-\x08\x0a-\x1f\x7f]/.test(value) ? '' : value;
}

/** A header's characters, one for each byte of the text's UTF-8. */
function utf8(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
