import { MAX_ID_LENGTH } from '../channel/event-id.js';

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Stands for whatever no event can have as its id. No event has this one either, so that it is told as a gap. */
const NOBODYS_ID = '\ufffd';

/**
 * Reads the last event ID that a request carries: the header, else the query parameter that pages use which cannot set it.
 * One that is longer than 1,024 characters, has control characters, or is not UTF-8 is U+FFFD instead: refused with a status,
 * an EventSource would give up for good.
 *
 * Node hands a header's bytes over as Latin-1; the standard says UTF-8.
 */
export function lastEventIdOf(header: string | string[] | undefined, url = ''): string | null {
  const fromHeader = Array.isArray(header) ? header[0] : header;
  if (fromHeader !== undefined) {
    // A character is one byte here, and at most four in UTF-8.
    return fromHeader.length > 4 * MAX_ID_LENGTH
      ? NOBODYS_ID
      : checkedLastEventId(utf8.decode(Buffer.from(fromHeader, 'latin1')));
  }
  // Not the handler's own `query`: it would be kept for each connection, whether or not the handler asks for it.
  const start = url.indexOf('?');
  const fromQuery = start === -1 ? null : new URLSearchParams(url.slice(start)).get('lastEventId');
  return fromQuery === null ? null : checkedLastEventId(fromQuery);
}

/** An id as it came, or U+FFFD where no event can have it. */
export function checkedLastEventId(id: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return id.length > MAX_ID_LENGTH || /[\0-\x1f\x7f\ufffd]/.test(id) ? NOBODYS_ID : id;
}
