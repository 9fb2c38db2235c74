import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { type Browser, chromium, type Page } from 'playwright-core';
import { connect } from '../../src/testing/index.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CHROMIUM = '/usr/bin/chromium';

interface Dashboard {
  readonly process: ChildProcess;
  readonly url: string;
  readonly port: string;
  /** What it has written to standard error. */
  readonly complaints: () => string;
}

/** Runs what `npm start` runs after the build, in a process of its own. */
function run(t: ExecutionContext, port: string, workers = '1'): ChildProcess {
  const child = spawn(process.execPath, ['--import=./scripts/typescript.mjs', 'samples/dashboard/server.ts'], {
    cwd: ROOT,
    env: { ...process.env, PORT: port, WORKERS: workers },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => stop(child, 'SIGKILL'));
  return child;
}

/** Runs it, and waits until it says where it listens. */
async function start(t: ExecutionContext, port = '0', workers = '1'): Promise<Dashboard> {
  const child = run(t, port, workers);
  let output = '';
  let complaints = '';
  child.stderr?.on('data', (chunk) => {
    complaints += chunk;
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (chunk) => {
      output += chunk;
      const [, found] = /at +(http:\/\/[\d.:]+)\/\n/.exec(output) ?? [];
      if (found !== undefined) resolve(found);
    });
    child.once('close', () => reject(new Error(`The dashboard did not start: ${complaints}`)));
  });
  return { process: child, url, port: new URL(url).port, complaints: () => complaints };
}

/** Ends a process, and resolves with its exit code; `null` when the signal ended it. */
async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
  return child.exitCode;
}

/** Opens a page; `null` where there is no browser, which only a developer's machine may lack. */
async function openPage(t: ExecutionContext): Promise<{ page: Page; faults: string[] } | null> {
  if (!existsSync(CHROMIUM) && !process.env['CI']) {
    t.log('skipped: chromium is not installed');
    t.pass();
    return null;
  }
  const browser: Browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
  });
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => void faults.push(`${error}`));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  return { page, faults };
}

/** Waits until the page shows a text that fits, and returns it. */
async function shown(page: Page, selector: string, pattern: RegExp): Promise<string> {
  const found = page.locator(selector).filter({ hasText: pattern });
  await found.waitFor();
  return (await found.textContent()) ?? '';
}

/** Passes a port's connections on to another, until `cut` breaks them all off. */
async function relay(t: ExecutionContext, port: string): Promise<{ url: string; cut(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((inbound) => {
    const outbound = createConnection(Number(port), '127.0.0.1');
    for (const [socket, other] of [[inbound, outbound] as const, [outbound, inbound] as const]) {
      sockets.add(socket);
      socket.on('error', () => {}).once('close', () => other.destroy());
      socket.pipe(other);
    }
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    cut();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cut };
}

function sequenceOf(id: string): number {
  return Number(id.split('-')[1]);
}

test('dashboard: streams the machine once, then samples of it', async (t) => {
  const { url, complaints } = await start(t);
  const client = await connect(url, '/events');
  t.teardown(() => client.close());
  const machine = JSON.parse((await client.next('machine')).data);
  const first = await client.next('sample');
  const second = await client.next('sample');
  const sample = JSON.parse(second.data);
  t.is(machine.periodMs, 1_000);
  t.is(sample.cpu.length, machine.cores);
  t.true(sample.cpu.every((busy: number) => busy >= 0 && busy <= 100));
  t.true(sample.memory.used > 0 && sample.memory.used < sample.memory.total);
  t.true(sample.memory.process > 0 && sample.memory.process < sample.memory.total);
  t.true(sample.delay.median >= 0 && sample.delay.max >= sample.delay.median);
  t.is(sample.connections, 1);
  t.true(sample.time > JSON.parse(first.data).time);
  t.is(sequenceOf(second.lastEventId), sequenceOf(first.lastEventId) + 1);
  t.is(complaints(), '');
});

test('dashboard: gives a newcomer that asks the history, and who comes back what it missed', async (t) => {
  const { url } = await start(t);
  const first = await connect(url, '/events');
  t.teardown(() => first.close());
  const seen = await first.next('sample');
  await first.next('sample');
  await first.close();

  const newcomer = await connect(url, '/events?history');
  t.teardown(() => newcomer.close());
  t.is(sequenceOf((await newcomer.next('sample')).lastEventId), 1);
  t.false(newcomer.events.some(({ type }) => type === 'gap'));

  const returned = await connect(url, '/events?history', { lastEventId: seen.lastEventId });
  t.teardown(() => returned.close());
  t.is(sequenceOf((await returned.next('sample')).lastEventId), sequenceOf(seen.lastEventId) + 1);

  const stranger = await connect(url, '/events?history', { lastEventId: 'another0-7' });
  t.teardown(() => stranger.close());
  t.is(JSON.parse((await stranger.next('gap')).data).lastEventId, 'another0-7');
  t.is(sequenceOf((await stranger.next('sample')).lastEventId), 1);
});

test('dashboard: counts the streams of all processes, which share their samples', async (t) => {
  const dashboard = await start(t, '0', '2');
  const pids = new Set<number>();
  let last = { lastEventId: '', data: '' };
  let clients = 0;
  for (; pids.size < 2; clients++) {
    const client = await connect(dashboard.url, '/events');
    t.teardown(() => client.close());
    pids.add(JSON.parse((await client.next('machine')).data).pid);
    last = await client.next('sample');
  }
  t.false(pids.has(dashboard.process.pid ?? 0));
  const witness = await connect(dashboard.url, '/events', { lastEventId: last.lastEventId });
  t.teardown(() => witness.close());
  while (JSON.parse(last.data).connections !== clients + 1) {
    const next = await witness.next('sample');
    t.is(sequenceOf(next.lastEventId), sequenceOf(last.lastEventId) + 1);
    last = next;
  }
  t.is(await stop(dashboard.process, 'SIGTERM'), 0);
  t.is(dashboard.complaints(), '');
});

test('dashboard: ends its streams and exits with 0 on SIGTERM', async (t) => {
  const dashboard = await start(t);
  const client = await connect(dashboard.url, '/events');
  t.teardown(() => client.close());
  await client.next('machine');
  t.is(await stop(dashboard.process, 'SIGTERM'), 0);
  await client.closed;
  t.true(client.isComplete);
  t.is(dashboard.complaints(), '');
});

test('dashboard: says in one line that the port is taken, and exits with 1', async (t) => {
  const { port } = await start(t);
  const second = run(t, port);
  let complaints = '';
  second.stderr?.on('data', (chunk) => {
    complaints += chunk;
  });
  await once(second, 'close');
  t.is(second.exitCode, 1);
  t.regex(complaints, /^Cannot listen on "127\.0\.0\.1:\d+": .*EADDRINUSE.*\n$/);
});

test('dashboard: serves its page under a policy that allows nothing from elsewhere, and no other file', async (t) => {
  const { url } = await start(t);
  const page = await fetch(`${url}/`);
  t.is(page.status, 200);
  t.regex(page.headers.get('content-security-policy') ?? '', /^default-src 'self'/);
  const paths = (await page.text()).match(/(?<=(?:href|src)=")[^"]+/g) ?? [];
  t.true(paths.length > 3);
  for (const path of paths) t.is((await fetch(url + path)).status, 200, path);
  for (const path of ['/server.ts', '/page/index.html', '/..%2fserver.ts', '/uplot.js/../server.ts']) {
    t.is((await fetch(url + path)).status, 404, path);
  }
});

test('dashboard: the page shows live values, and comes back by itself when the server is started again', async (t) => {
  const dashboard = await start(t);
  const opened = await openPage(t);
  if (opened === null) return;
  const { page, faults } = opened;
  await page.goto(dashboard.url);
  await shown(page, '#state', /^live$/);
  await shown(page, '#cpu', /^\d+$/);
  await shown(page, '#memory', /^\d+\.\d$/);
  await shown(page, '#delay', /^\d+\.\d$/);
  await shown(page, '#connections', /^1$/);
  t.is(await page.locator('.plot canvas').count(), 4);
  t.is(await page.locator('#curl').textContent(), `curl -N ${dashboard.url}/events`);
  const id = await shown(page, '#last-event-id', /-\d+$/);
  await page.locator('#last-event-id').filter({ hasNotText: id }).waitFor();

  // The moment that the arrow keys went to stays while the samples go on.
  await page.focus('#cpu-plot');
  await page.keyboard.press('ArrowLeft');
  t.regex((await page.getAttribute('#cpu-plot', 'aria-valuetext')) ?? '', /^\d\d:\d\d:\d\d: processor \d+ %/);
  const moment = await shown(page, '#moment', /^at /);
  const later = await page.locator('#last-event-id').textContent();
  await page
    .locator('#last-event-id')
    .filter({ hasNotText: `${later}` })
    .waitFor();
  t.is(await page.locator('#moment').textContent(), moment);
  await page.keyboard.press('Escape');
  await shown(page, '#moment', /^now$/);
  t.deepEqual(faults, []);

  await stop(dashboard.process, 'SIGKILL');
  await shown(page, '#state', /^reconnecting…$/);
  await shown(page, '#elapsed', /^since \d+ s$/);
  await shown(page, '#moment', /^last seen at /);
  const again = await start(t, dashboard.port);
  await shown(page, '#state', /^resumed$/);
  await shown(page, '#reconnects', /^1$/);
  await shown(page, '#gaps', /^1$/);
  await shown(page, '#notice', /resumed \d+ s later, with a gap/);
  await shown(page, '#state', /^live$/);
  t.deepEqual(
    // That the server could not be reached is the browser's to report.
    faults.filter((fault) => !fault.startsWith('Failed to load resource: net::ERR_')),
    [],
  );
  t.is(again.complaints(), '');
});

test('dashboard: the page loses nothing, and gets nothing twice, when its connection breaks off', async (t) => {
  const { port } = await start(t);
  const { url, cut } = await relay(t, port);
  const opened = await openPage(t);
  if (opened === null) return;
  const { page } = opened;
  await page.goto(url);
  await shown(page, '#state', /^live$/);
  cut();
  await shown(page, '#state', /^reconnecting…$/);
  await shown(page, '#state', /^resumed$/);
  await shown(page, '#notice', /Nothing was lost/);
  // Read at once: the next sample is on its way.
  const facts = (await page.locator('.stream dl').textContent()) ?? '';
  const [, received, gaps, sequence] = /received\s*(\d+).*Gaps\s*(\d+).*ID\s*\w{8}-(\d+)/s.exec(facts) ?? [];
  // Every sample from the first on, and `machine` for each of the two connections.
  t.is(Number(received), Number(sequence) + 2);
  t.is(gaps, '0');
});
