/**
 * A hub, its console, and on it a page that shows this machine live: cores, memory, event-loop delay and open streams.
 *
 *     npm start                                  # then open http://127.0.0.1:8080/, and /console/
 *     curl -N http://127.0.0.1:8080/events       # event: machine, then event: sample, once a second
 *     curl -N 'http://127.0.0.1:8080/?channels=news'
 *     curl -d channel=news -d data=hello http://127.0.0.1:8080/publish
 *
 * `PORT` chooses another port, and `WORKERS=4` has four processes serve it. Stop it and start it again while the page is open,
 * or kill one of several processes, and see what the page makes of it.
 */

import { createRequire } from 'node:module';
import { Container } from 'inversify';
import { ConfigurationError } from 'tradewind';
import { ClusterBroker, inWorkers } from 'tradewind/cluster';
import { Hub } from 'tradewind/hub';
import { EventsHandler, FileHandler } from './handlers.js';
import { Sampler } from './sampler.js';
import { Watchers } from './watchers.js';

const HISTORY_MS = 10 * 60_000;
const DRAIN_MS = 500;

const uplot = createRequire(import.meta.url).resolve('uplot/dist/uPlot.esm.js');
const files = {
  '/machine': { file: new URL('page/index.html', import.meta.url), type: 'text/html; charset=utf-8' },
  '/dashboard.css': { file: new URL('page/dashboard.css', import.meta.url), type: 'text/css; charset=utf-8' },
  '/dashboard.js': { file: new URL('page/dashboard.js', import.meta.url), type: 'text/javascript; charset=utf-8' },
  '/stream.js': { file: new URL('page/stream.js', import.meta.url), type: 'text/javascript; charset=utf-8' },
  '/plots.js': { file: new URL('page/plots.js', import.meta.url), type: 'text/javascript; charset=utf-8' },
  '/icon.svg': { file: new URL('page/icon.svg', import.meta.url), type: 'image/svg+xml' },
  '/uplot.js': { file: uplot, type: 'text/javascript; charset=utf-8' },
  '/uplot.css': { file: uplot.replace('uPlot.esm.js', 'uPlot.min.css'), type: 'text/css; charset=utf-8' },
};

/** Serves the page and its stream in this process, until it is closed. One process looks at the machine for all. */
async function serve(index: number) {
  const broker = new ClusterBroker({
    historyMs: HISTORY_MS,
    historyCount: HISTORY_MS / 1_000,
    historyBytes: 8 * 1024 ** 2,
  });
  const watchers = new Watchers(index);
  const container = new Container();
  container.bind(ClusterBroker).toConstantValue(broker);
  container.bind(Watchers).toConstantValue(watchers);
  container.bind(Sampler).toSelf().inSingletonScope();

  const hub = new Hub({ container, broker, port: Number(process.env['PORT'] ?? 8080), home: '/machine' });
  hub.router.mount('/events', EventsHandler);
  for (const [path, options] of Object.entries(files)) hub.router.mount(path, FileHandler, options);

  const server = await hub.listen();
  const sampler = container.get(Sampler);
  await watchers.start();
  if (index === 0) {
    sampler.start();
    console.log(`The dashboard is at  ${server.url}/`);
    console.log(`Its stream alone:    curl -N ${server.url}/events`);
    console.log(`The hub's console:   ${server.url}/console/`);
  }
  return {
    async close(options: { drainMs: number }) {
      sampler.stop();
      watchers.stop();
      await hub.close(options);
    },
  };
}

try {
  await inWorkers({ workers: Number(process.env['WORKERS'] ?? 1), drainMs: DRAIN_MS }, serve);
} catch (thrown) {
  if (!(thrown instanceof ConfigurationError)) throw thrown;
  console.error(thrown.message);
  process.exitCode = 1;
}
