import test from 'ava';
import { ENGINE_NAMES, ENGINES } from '../../scripts/services/start-service.js';
import { isListening } from '../scripts/processes.js';
import { engine, ownEngine } from './services.js';

let port = 0;

test.serial('ownEngine: runs during the test', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  port = service.port;
  t.true(await isListening(port));
});

test.serial('ownEngine: has stopped after the test', async (t) => {
  t.false(await isListening(port));
});

test.serial('engine: leaves alone a URL that nobody has said to be for specs', async (t) => {
  const before = { ...process.env };
  t.teardown(() => {
    process.env = before;
  });
  const precious = 'redis://127.0.0.1:6379';
  process.env = { ...before, REDIS_URL: precious, SPEC_SERVICES: '' };
  t.true((await engine(t, 'redis')) !== precious);
});

for (const name of ENGINE_NAMES) {
  test(`engine: hands out one that serves, the same to all tests of a file (${ENGINES[name].title})`, async (t) => {
    const [url, again] = await Promise.all([engine(t, name), engine(t, name)]);
    if (url === null || again === null) return;
    t.is(url, again);
    await t.notThrowsAsync(ENGINES[name].ping(url));
  });
}
