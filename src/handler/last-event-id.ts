import { MAX_ID_LENGTH } from '../channel/event-id.js';
import { HttpError } from '../errors.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the last event ID that a request carries: the header, else the query parameter that pages use which cannot set it.
 *
 * Node hands a header's bytes over as Latin-1; the standard says UTF-8.
 *
 * @throws {@link HttpError} 400 when it is longer than 1,024 characters, has control characters, or is not UTF-8.
 */
export function lastEventIdOf(header: string | string[] | undefined, url = ''): string | null {
  const fromHeader = Array.isArray(header) ? header[0] : header;
  if (fromHeader === undefined) {
    // Not the handler's own `query`: it would be kept for each connection, whether or not the handler asks for it.
    const start = url.indexOf('?');
    return start === -1 ? null : checked(new URLSearchParams(url.slice(start)).get('lastEventId'));
  }
  if (fromHeader.length > MAX_ID_LENGTH) return refuse();
  try {
    return checked(utf8.decode(Buffer.from(fromHeader, 'latin1')));
  } catch {
    return refuse();
  }
}

function checked(id: string | null): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (id !== null && (id.length > MAX_ID_LENGTH || /[\0-\x1f\x7f\ufffd]/.test(id))) return refuse();
  return id;
}

function refuse(): never {
  throw new HttpError(400, 'invalid Last-Event-ID');
}
