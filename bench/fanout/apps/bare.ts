import { listenForStreams } from '../../support/listen.js';
import { textOf } from '../payloads.js';
import type { App } from './app.js';

/** Node's `http` alone: a string for each event, and `res.write` for each event and response. */
export async function startBare(): Promise<App> {
  const { port, responses } = await listenForStreams();
  return {
    port,
    publish(payloads, count) {
      for (let event = 0; event < count; event++) {
        const text = `event: tick\ndata: ${textOf(payloads.next())}\n\n`;
        for (const response of responses) response.write(text);
      }
    },
  };
}
