/** One side of `bench/brokers/lmdb.ts`: appends to a database, by lmdb itself or by the broker. */

import { open, type RootDatabase } from 'lmdb';
import type { Broker, Frame } from 'tradewind';
import { LmdbBroker } from 'tradewind/lmdb';

const DATA = 'x'.repeat(80);
const TEXT = `event: tick\ndata: ${DATA}\n\n`;

let database: RootDatabase<string, [string, number]> | null = null;
let broker: Broker | null = null;
let sequence = 0;
const append = (data = DATA, channel = 'a') =>
  database !== null
    ? database.put([channel, ++sequence], data === DATA ? TEXT : data)
    : broker!.publish(channel, 'tick', data);

async function timed(work: () => Promise<unknown>) {
  const [cpu, startedAt] = [process.cpuUsage(), performance.now()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { ms: performance.now() - startedAt, cpuMs: (user + system) / 1_000 };
}

const deeds = {
  async start({ kind, path, historyCount }: { kind: string; path: string; historyCount?: number }) {
    if (kind !== 'broker') {
      database = open(path, { encoding: 'string', overlappingSync: kind === 'overlapping' });
      return {};
    }
    return await timed(async () => {
      const opened = new LmdbBroker({ path, ...(historyCount !== undefined && { historyCount }) });
      await opened.ready();
      broker = opened;
    });
  },
  publish: ({ count, burst, bytes = 0, channels = 1 }: Record<'count' | 'burst' | 'bytes' | 'channels', number>) =>
    timed(async () => {
      const data = bytes === 0 ? DATA : 'x'.repeat(bytes);
      for (let sent = 0; sent < count; ) {
        const appended = [];
        for (const end = sent + burst; sent < end; sent++) appended.push(append(data, `a${sent % channels}`));
        await Promise.all(appended);
        // With overlappingSync, what is committed need not be on disk yet.
        await database?.flushed;
      }
    }),
  /** From the call to the subscriber; for lmdb itself, to the end of the call. */
  async latency({ count }: { count: number }) {
    const micros: number[] = [];
    let startedAt = 0;
    const note = () => void micros.push((performance.now() - startedAt) * 1_000);
    const subscription = await broker?.subscribe(['a'], { deliver: note, gap() {} });
    for (let sent = 0; sent < count; sent++) {
      startedAt = performance.now();
      await append();
      await database?.flushed;
      if (database !== null) note();
    }
    subscription?.unsubscribe();
    return { micros };
  },
  async replay() {
    let count = 0;
    let longestMs = 0;
    let at = performance.now();
    const look = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - at);
      at = performance.now();
    });
    const used = await timed(() =>
      broker!.subscribe(['a0'], { deliver: (_: Frame) => void count++, gap() {} }, 'earliest'),
    );
    clearInterval(look);
    longestMs = Math.max(longestMs, performance.now() - at);
    return { ...used, count, longestMs, rss: process.memoryUsage.rss() };
  },
};

process.on('message', async (message: { do: keyof typeof deeds }) => {
  try {
    process.send?.(await deeds[message.do](message as never));
  } catch (thrown) {
    process.send?.({ error: `${(thrown as Error).stack}` });
  }
});
process.send?.({});
