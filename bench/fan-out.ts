/**
 * What one delivered event costs the server, in CPU time.
 *
 * Measured: user and system time of the whole server process (garbage collection included) for each event that a
 * subscriber has received, with 1,000 subscribers on loopback, one event of 100 bytes a turn, in a closed loop: the next
 * event is published when every subscriber has received the one before, so nothing queues and nothing is merely enqueued.
 *
 * Not measured: latency, throughput, TLS, HTTP/2, a real network card, subscribers that do not keep up.
 *
 * "as a string" and "as an object" is what `data` is. better-sse sends what it sends by default: the data as JSON, and an
 * id of 36 characters, which is why its events are longer. Our broker's events carry an id as well.
 *
 * "store submit" is a DataStore that each handler streams; "store iterator" the same through the store's own iterator, as a
 * loop would read it.
 *
 * Run:   npm run bench -- fan-out
 *        [--subscribers 1000] [--events 60] [--rounds 5] [--processes 3]
 * Takes: about 2 minutes. Each of `processes` starts every case anew; each round then runs all cases in random order.
 */

import { Helper, median, option, printTable, ratios, shuffled, spread } from './support/processes.js';

const subscribers = option('subscribers', 1_000);
const events = option('events', 60);
const rounds = option('rounds', 5);
const processes = option('processes', 3);
const WARM_UP_EVENTS = 150;

interface Case {
  name: string;
  start: object;
  totals: number[];
  user: number[];
}

const cases: Case[] = [];
for (const data of ['string', 'object']) {
  add(`better-sse broadcast, ${data}`, { kind: 'better-sse', data });
  add(`writeMessage loop, ${data}`, { kind: 'tradewind', data });
  add(`broker publish, ${data}`, { kind: 'tradewind', publish: 'broker', data });
  add(`store submit, ${data}`, { kind: 'tradewind', publish: 'store', data });
  add(`store iterator, ${data}`, { kind: 'tradewind', publish: 'store iterator', data });
}
add('bare res.write, string', { kind: 'bare', data: 'string' });

function add(name: string, start: object): void {
  cases.push({ name, start: { ...start, heartbeats: false }, totals: [], user: [] });
}

class Running {
  private constructor(
    readonly measured: Case,
    private readonly server: Helper,
    private readonly client: Helper,
  ) {}

  static async start(measured: Case): Promise<Running> {
    const server = await Helper.start('server.ts');
    const client = await Helper.start('client.ts');
    const ports = await server.ask<object>({ do: 'start', ...measured.start });
    await client.ask({ do: 'open', path: '/', count: subscribers, ...ports });
    await client.ask({ do: 'run', events: WARM_UP_EVENTS });
    return new Running(measured, server, client);
  }

  async round(): Promise<void> {
    const before = await this.server.ask<NodeJS.CpuUsage>({ do: 'cpu' });
    const { deliveries } = await this.client.ask<{ deliveries: number }>({ do: 'run', events });
    const after = await this.server.ask<NodeJS.CpuUsage>({ do: 'cpu' });
    const user = after.user - before.user;
    this.measured.totals.push((user + after.system - before.system) / deliveries);
    this.measured.user.push(user / deliveries);
  }

  async stop(): Promise<void> {
    await Promise.all([this.server.stop(), this.client.stop()]);
  }
}

for (let generation = 0; generation < processes; generation++) {
  const running: Running[] = [];
  for (const measured of shuffled(cases)) running.push(await Running.start(measured));
  for (let round = 0; round < rounds; round++) {
    for (const one of shuffled(running)) await one.round();
  }
  await Promise.all(running.map((one) => one.stop()));
}

console.log(`node ${process.version}: ${subscribers} subscribers, ${processes} × ${rounds} rounds of ${events} events`);
const rows = [['µs of server CPU a delivery', 'median [least-most]', 'of it user', '/ better-sse', '/ bare']];
const bare = cases.at(-1)!;
for (const { name, start, totals, user } of cases) {
  const base = cases.find((other) => other.name.startsWith('better') && other.name.endsWith(name.split(', ')[1]!))!;
  const against = start === base.start ? '1.00' : spread(ratios(totals, base.totals));
  rows.push([name, spread(totals), median(user).toFixed(2), against, median(ratios(totals, bare.totals)).toFixed(2)]);
}
printTable(rows);
