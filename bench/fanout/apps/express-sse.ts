import { listen } from '../../support/listen.js';
import type { App } from './app.js';

/** express-sse behind Express: one object for all streams, with their number as the id of each event. */
export async function startExpressSse(): Promise<App> {
  const [{ default: express }, { default: ExpressSse }] = await Promise.all([import('express'), import('express-sse')]);
  const sse = new ExpressSse();
  const port = await listen(express().get('/', sse.init));
  return {
    port,
    publish(payloads, count) {
      for (let event = 0; event < count; event++) sse.send(payloads.next(), 'tick');
    },
  };
}
