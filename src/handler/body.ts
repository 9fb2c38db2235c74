/** A request's body, bounded. */

import type { HttpRequest } from '../connection/http.js';
import { HttpError } from '../errors.js';

/**
 * Reads a body whole.
 *
 * @param setDrop - is given what ends that half-way, and drops what has come: nobody waits for the body any more.
 * @throws {@link HttpError} 413 above `maxBytes`, before more is read; 415 when it is compressed; 400 when it ended half-way.
 */
export function readBody(request: HttpRequest, maxBytes: number, setDrop: (drop: () => void) => void): Promise<Buffer> {
  // The client has left, and no event would come any more. HTTP/2's request ends then, as if it were whole.
  const isGone = 'stream' in request ? request.stream.destroyed : request.destroyed && !request.readableEnded;
  if (isGone) return Promise.reject(new HttpError(400, 'incomplete body'));
  if (request.readableEnded) return Promise.resolve(Buffer.alloc(0));
  const coding = request.headers['content-encoding'] ?? 'identity';
  if (coding.toLowerCase() !== 'identity') {
    const headers = { 'Accept-Encoding': 'identity' };
    return Promise.reject(new HttpError(415, 'the body has a Content-Encoding: send it as it is', { headers }));
  }
  return new Promise((resolve, reject) => {
    // Null once it is settled. The listeners stay: to take them off again costs each request more than they do.
    let chunks: Buffer[] | null = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (chunks === null) return;
      chunks.push(chunk);
      if (length <= maxBytes) return;
      // The rest is read and thrown away, so that the client gets to see the answer.
      chunks = null;
      const headers: Record<string, string> = request.httpVersionMajor === 1 ? { Connection: 'close' } : {};
      reject(new HttpError(413, `the body is larger than ${maxBytes} bytes: send less`, { headers }));
    });
    request.on('end', () => {
      if (chunks !== null) resolve(Buffer.concat(chunks, length));
      chunks = null;
    });
    const drop = () => {
      if (chunks !== null) reject(new HttpError(400, 'incomplete body'));
      chunks = null;
    };
    request.on('close', drop);
    request.on('error', drop);
    setDrop(drop);
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The text of a body; without a byte order mark, as `fetch` has it.
 *
 * @throws {@link HttpError} 400 when it is not UTF-8: nobody would notice what became of it.
 */
export function decodeBody(body: Uint8Array): string {
  try {
    return utf8.decode(body);
  } catch (cause) {
    throw new HttpError(400, 'the body is not UTF-8', { cause });
  }
}

/**
 * The text of what a body parser ahead of us, such as `express.json()`, has made of a body that it consumed.
 *
 * A string may be the text, or what `express.json({ strict: false })` has made of it: it is that if it was sent as JSON, and is none.
 */
export function textParsedUpstream(request: HttpRequest): string | undefined {
  const body = request.readableEnded && 'body' in request ? request.body : undefined;
  if (body === undefined) return body;
  if (typeof body === 'string') return isJson(request) && !isJsonText(body) ? JSON.stringify(body) : body;
  return body instanceof Uint8Array ? Buffer.from(body).toString('utf8') : JSON.stringify(body);
}

/** Whether a body is sent as JSON. */
export function isJson({ headers }: HttpRequest): boolean {
  return /^application\/(.+\+)?json\b/i.test(headers['content-type'] ?? '');
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** @throws {@link HttpError} 400 when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HttpError(400, 'invalid JSON', { cause });
  }
}
