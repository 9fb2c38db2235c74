/**
 * A page that shows this machine live: cores, memory, event-loop delay and open streams.
 *
 *     npm start                                  # then open http://127.0.0.1:8080/
 *     curl -N http://127.0.0.1:8080/events       # event: machine, then event: sample, once a second
 *
 * `PORT` chooses another port. Stop it and start it again while the page is open, and see what the page makes of it.
 */

import { createRequire } from 'node:module';
import { Container } from 'inversify';
import { ConfigurationError, MemoryBroker, Router } from 'tradewind';
import { EventsHandler, FileHandler } from './handlers.js';
import { Sampler } from './sampler.js';

const HISTORY_MS = 10 * 60_000;
const DRAIN_MS = 500;

const uplot = createRequire(import.meta.url).resolve('uplot/dist/uPlot.esm.js');
const files = {
  '/': { file: new URL('page/index.html', import.meta.url), type: 'text/html; charset=utf-8' },
  '/dashboard.css': { file: new URL('page/dashboard.css', import.meta.url), type: 'text/css; charset=utf-8' },
  '/dashboard.js': { file: new URL('page/dashboard.js', import.meta.url), type: 'text/javascript; charset=utf-8' },
  '/stream.js': { file: new URL('page/stream.js', import.meta.url), type: 'text/javascript; charset=utf-8' },
  '/plots.js': { file: new URL('page/plots.js', import.meta.url), type: 'text/javascript; charset=utf-8' },
  '/icon.svg': { file: new URL('page/icon.svg', import.meta.url), type: 'image/svg+xml' },
  '/uplot.js': { file: uplot, type: 'text/javascript; charset=utf-8' },
  '/uplot.css': { file: uplot.replace('uPlot.esm.js', 'uPlot.min.css'), type: 'text/css; charset=utf-8' },
};

const broker = new MemoryBroker({
  historyMs: HISTORY_MS,
  historyCount: HISTORY_MS / 1_000,
  historyBytes: 8 * 1024 ** 2,
});
const container = new Container();
container.bind(MemoryBroker).toConstantValue(broker);
container.bind(Sampler).toSelf().inSingletonScope();

const router = new Router({ container, broker });
router.mount('/events', EventsHandler);
for (const [path, options] of Object.entries(files)) router.mount(path, FileHandler, options);

try {
  const server = await router.listen({ port: Number(process.env['PORT'] ?? 8080) });
  const sampler = container.get(Sampler);
  sampler.start();
  console.log(`The dashboard is at  ${server.url}/`);
  console.log(`Its stream alone:    curl -N ${server.url}/events`);

  const stop = async () => {
    // Asked a second time, Node stops at once.
    process.off('SIGINT', stop).off('SIGTERM', stop);
    sampler.stop();
    await server.close({ drainMs: DRAIN_MS });
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
} catch (thrown) {
  if (!(thrown instanceof ConfigurationError)) throw thrown;
  console.error(thrown.message);
  process.exitCode = 1;
}
