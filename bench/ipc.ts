/**
 * What the primary of a cluster pays to tell a worker of events: for each message, and for each event in one.
 *
 * Measured: CPU time of the primary, all threads, for messages such as a `ClusterBroker` sends, with 1 and with 100 events of 100
 * bytes, to one worker that reads them. What a message costs by itself, and what an event adds, follow from the two.
 *
 * Not measured: the worker's side, which parses as much, and publishing, following and the history, which `workers.ts` has in its sum.
 *
 * Run:   npm run bench -- ipc [--messages 20000] [--rounds 5]
 * Takes: some ten seconds.
 */

import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { option, spread } from './support/processes.js';
import { report } from './support/report.js';

const MANY = 100;
const messages = option('messages', 20_000);
const rounds = option('rounds', 5);

if (cluster.isPrimary) await measure(cluster.fork());
else answerWhenAsked();

/** A worker only reads, and says when it has. */
function answerWhenAsked(): void {
  process.on('message', (message) => message === 'done?' && process.send?.('done'));
  process.send?.('ready');
}

async function measure(worker: Worker): Promise<void> {
  await once(worker, 'message');
  const text = `event: tick\ndata: ${'x'.repeat(80)}\n\n`;
  const told = (events: number) => ({
    tradewind: 'tell',
    session: 1,
    reports: [['events', Array.from({ length: events }, (_, index) => ['ticks', index, null, text]).flat()]],
    head: events,
  });
  const usOf = async (events: number) => {
    const before = process.cpuUsage();
    for (let sent = 0; sent < messages; sent++) {
      const isRead = new Promise<void>((resolve) => worker.send(told(events), () => resolve()));
      // As a broker does: no further message before the worker has taken this one.
      await isRead;
    }
    worker.send('done?');
    await once(worker, 'message');
    const { user, system } = process.cpuUsage(before);
    return (user + system) / messages;
  };
  await usOf(1);
  const all: { message: number; event: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const [one, many] = [await usOf(1), await usOf(MANY)];
    const event = (many - one) / (MANY - 1);
    all.push({ message: one - event, event });
  }
  const [ofMessage, ofEvent] = [all.map(({ message }) => message), all.map(({ event }) => event)];
  const rows = [
    ['µs of the primary', 'median [least-most]'],
    ['a message to one worker', spread(ofMessage, 1)],
    ['an event in it', spread(ofEvent)],
  ];
  report(
    [{ title: `IPC: ${rounds} rounds of ${messages} messages`, tables: [rows], values: { ofMessage, ofEvent } }],
    [],
  );
  worker.kill();
}
