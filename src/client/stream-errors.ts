/** Why a stream is not to be had, or not any more. No Node import. */

import { EventStreamError, HttpError, quote, toError } from '../errors.js';

/** How much of a refusal's body is kept. */
const MAX_CHARACTERS = 65_536;

/** An answer other than 200, with what it says, as far as that comes. */
export async function toHttpError(response: Response): Promise<Error> {
  const { status, statusText, headers } = response;
  const body = await beginningOf(response);
  if (status < 200 || status > 599) {
    return new EventStreamError('UNKNOWN_STATUS', `HTTP knows no such status: "${status}". Check the server.`);
  }
  return new HttpError(status, statusText || undefined, { headers: Object.fromEntries(headers), body });
}

export function notAnEventStream({ headers }: Response): Error {
  return new EventStreamError(
    'NOT_AN_EVENT_STREAM',
    `The answer is not an event stream: ${quote(headers.get('Content-Type') ?? '')}. Check the URL and the server.`,
  );
}

export function idleTimeout(ms: number): Error {
  return new EventStreamError(
    'IDLE_TIMEOUT',
    `Nothing came for idleTimeoutMs: "${ms}". Let the server send heartbeats.`,
  );
}

/** The end of the iteration, after an attempt that is not to be followed by another. */
export function streamLost(cause: Error | null): Error {
  if (cause instanceof EventStreamError || cause instanceof HttpError) return cause;
  const why = cause === null ? 'it ended' : innermostMessage(cause);
  return new EventStreamError('STREAM_LOST', `The stream is lost: ${quote(why)}. Ask again, or allow more retries.`, {
    cause,
  });
}

/** What fetch's own message does not say: the innermost cause's, such as `connect ECONNREFUSED 127.0.0.1:8888`. */
export function innermostMessage(error: Error): string {
  const { cause, message, name, code } = error as Error & { code?: string };
  return cause === undefined ? message || code || name : innermostMessage(toError(cause));
}

async function beginningOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  const reader = body?.getReader();
  let text = '';
  try {
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
      text += decoder.decode(read.value, { stream: true });
      if (text.length > MAX_CHARACTERS) break;
    }
    await reader?.cancel();
  } catch {
    // It broke off: what came is what there is.
  }
  return text.slice(0, MAX_CHARACTERS);
}
