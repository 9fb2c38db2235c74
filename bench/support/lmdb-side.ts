/** One side of `bench/brokers/lmdb.ts`. */

import { open, type RootDatabase } from 'lmdb';
import { LmdbBroker } from 'tradewind/lmdb';
import { playSide, type Side } from './broker-side.js';

interface Options {
  path: string;
  historyCount?: number;
}

playSide<Options>({
  brokers: (options) => {
    const broker = new LmdbBroker(options);
    return [broker, broker];
  },
  bare: async (kind, { path }) => bareSide(open({ path, encoding: 'string', overlappingSync: kind === 'overlapping' })),
});

/** The same appends. lmdb tells nobody of them: who listens is called at the end of the call. */
function bareSide(database: RootDatabase<string, [string, number]>): Side {
  let sequence = 0;
  let heard: (() => void) | null = null;
  let [lastData, text] = ['', ''];
  const put = (channel: string, data: string) => {
    // At half a million puts a second, joining the text anew for each shows in the figures.
    if (data !== lastData) [lastData, text] = [data, `data: ${data}\n\n`];
    return database.put([channel, ++sequence], text);
  };
  // With overlappingSync, what is committed need not be on disk yet.
  const flush = () => database.flushed;
  const putAndTell = async (channel: string, data: string) => {
    await put(channel, data);
    await flush();
    heard?.();
  };
  return {
    publish: (channel, data) => (heard === null ? put(channel, data) : putAndTell(channel, data)),
    hear: async (_, listener) => {
      heard = listener;
    },
    flush,
  };
}
