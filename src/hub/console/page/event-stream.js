/** Follows the hub's event streams by fetch: unlike EventSource it can send a key, and says with which status it was refused. */

import { headerBytes } from './header-bytes.js';

const RETRY_MS = 2_000;

/** The hub has answered that it will not. */
export class Refused extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

/**
 * Follows a stream, and comes back when it is lost, with the last event ID.
 *
 * @param on - `open()`, `event({ type, data, id })`, and `lost()` when the stream is to be asked for again.
 * @throws {Refused} when the answer is one that asking again would not change.
 */
export async function follow(url, { headers, signal, on }) {
  let lastId = '';
  let retryMs = RETRY_MS;
  while (!signal.aborted) {
    try {
      const resume = lastId === '' ? {} : { 'Last-Event-ID': headerBytes(lastId) };
      const response = await fetch(url, { headers: { ...headers(), ...resume }, signal, cache: 'no-store' });
      if (response.status >= 400 && response.status < 500) throw new Refused(response.status, await response.text());
      if (response.ok) {
        on.open();
        for await (const event of eventsOf(response.body)) {
          if (event.id !== undefined) lastId = event.id;
          if (event.retry !== undefined) retryMs = event.retry;
          if (event.data !== undefined) hand(on, { type: event.type, data: event.data, id: lastId });
        }
      }
    } catch (thrown) {
      if (signal.aborted) return;
      if (thrown instanceof Refused) throw thrown;
    }
    if (signal.aborted) return;
    on.lost();
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

/** A fault of the page is told as one: it is no reason to ask for the stream again. */
function hand(on, event) {
  try {
    on.event(event);
  } catch (thrown) {
    reportError(thrown);
  }
}

/** The hub ends its lines with LF alone. What EventSource does with `id` and `retry` is the caller's. */
async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let event = { type: 'message' };
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (line !== '') take(event, line);
      else {
        yield event;
        event = { type: 'message' };
      }
    }
  }
}

function take(event, line) {
  const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
  if (name === 'data') event.data = event.data === undefined ? value : `${event.data}\n${value}`;
  else if (name === 'event') event.type = value;
  else if (name === 'id') event.id = value;
  else if (name === 'retry' && /^[0-9]+$/.test(value)) event.retry = Number(value);
}
