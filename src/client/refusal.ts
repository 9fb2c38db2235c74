/** An answer that is no event stream, as an error. No Node import. */

import type { Clock } from '../clock.js';
import { EventStreamError, HttpError, quote } from '../errors.js';

/** How much of the body is kept. */
const MAX_CHARACTERS = 65_536;
/** How long it is waited for; that of a 200, which may have no end, for less. */
const TIMEOUT_MS = 5_000;
const TIMEOUT_200_MS = 1_000;

/** What an answer says, as far as that comes. */
export async function refusal(response: Response, clock: Clock): Promise<Error> {
  const { status, statusText, headers } = response;
  if (status < 200 || status > 599) {
    return new EventStreamError('UNKNOWN_STATUS', `HTTP knows no such status: "${status}". Check the server.`);
  }
  const body = await beginningOf(response, clock, status === 200 ? TIMEOUT_200_MS : TIMEOUT_MS);
  const said = new HttpError(status, statusText || undefined, { headers: Object.fromEntries(headers), body });
  if (status !== 200) return said;
  return new EventStreamError(
    'NOT_AN_EVENT_STREAM',
    `The answer is not an event stream: ${quote(headers.get('Content-Type') ?? '')}. Check the URL and the server.`,
    { cause: said },
  );
}

/** The text of a body, as far as it comes in time and is kept. */
export async function beginningOf({ body }: Response, clock: Clock, timeoutMs: number): Promise<string> {
  const decoder = new TextDecoder();
  const reader = body?.getReader();
  const timer = clock.setTimeout(() => reader?.cancel().catch(() => {}), timeoutMs);
  let text = '';
  try {
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
      text += decoder.decode(read.value, { stream: true });
      if (text.length > MAX_CHARACTERS) break;
    }
  } catch {
    // It broke off: what came is what there is.
  }
  timer.cancel();
  // A fetch of the program's own may not heed the signal.
  reader?.cancel().catch(() => {});
  return text.slice(0, MAX_CHARACTERS);
}
