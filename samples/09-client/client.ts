/**
 * Goal: a program that follows a stream for as long as it runs: over restarts of the server, and past half-open connections.
 *
 * Run:  node --import ./scripts/typescript.mjs samples/01-hello/server.ts   (from the root, after `npm run build`)
 *       node --import ./scripts/typescript.mjs samples/09-client/client.ts http://127.0.0.1:8888/
 * See:  open: 200
 *       1 doge: wow, very stream
 *
 *       … Stop the server, and start it again: the client says how long it waits, and goes on by itself. In a terminal
 *       `npx tradewind tail http://127.0.0.1:8888/` does the same, and a curl -N does not.
 */
import { EventStreamError, HttpError, streamEvents } from 'tradewind/client';

const [url = 'http://127.0.0.1:8888/'] = process.argv.slice(2);
const leaving = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => leaving.abort());

// The handler's own event map: what it writes is what comes.
const events = streamEvents<{ doge: string }>(url, {
  signal: leaving.signal,
  // Three of the server's heartbeats.
  idleTimeoutMs: 45_000,
  onStateChange: (now) => {
    if (now.state === 'open') console.log(`open: ${now.response.status}`);
    if (now.state === 'waiting') {
      console.log(`lost: ${now.cause?.message ?? 'the server ended it'}. Coming back in ${Math.round(now.delayMs)} ms`);
    }
  },
});

try {
  for await (const { type, data, lastEventId } of events) {
    console.log(`${lastEventId} ${type}: ${data.replaceAll('\n', ', ')}`);
  }
} catch (error) {
  if (error instanceof HttpError) console.error(`refused: ${error.status} ${error.body ?? ''}`);
  else if (error instanceof EventStreamError) console.error(error.message);
  else if (!leaving.signal.aborted) throw error;
}
// Where to go on from, next time: `lastEventId` is an option, too.
console.log(`left after event ${events.lastEventId}`);
