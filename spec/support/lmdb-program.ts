/**
 * A process with an LmdbBroker, for specs: `lmdb-program.ts <folder> <what>`. It tells what happens line by line.
 *
 * - `hold`: opens the broker, and stays.
 * - `leave`: publishes an event, and comes to its end with the broker open.
 * - `publish <from>`: publishes numbers on three channels without end, and tells of each that was acknowledged.
 * - `fill`: publishes until an event is refused, reads what is kept, and publishes again when it gets a line.
 */
import { once } from 'node:events';
import { LmdbBroker } from '../../src/channel/lmdb/lmdb-broker.js';
import { BrokerError } from '../../src/errors.js';
import type { Frame } from '../../src/index.js';

const [, , path = '', what = '', from = '0'] = process.argv;
const tell = (...words: unknown[]) => process.stdout.write(`${words.join(' ')}\n`);
const codeOf = (thrown: unknown) => (thrown instanceof BrokerError ? thrown.code : `${thrown}`);

const broker = new LmdbBroker({ path, historyCount: 100_000 });
try {
  await broker.ready();
  tell('ready', process.pid);
} catch (thrown) {
  tell(codeOf(thrown), (thrown as Error).message);
  await broker.close();
}

if (what === 'hold') setInterval(() => {}, 60_000);

if (what === 'leave') tell(await broker.publish('a', 'n', 1));

if (what === 'publish') {
  let inFlight: Promise<void>[] = [];
  for (let number = Number(from); ; number++) {
    const channel = `c${number % 3}`;
    const kept = broker.publish(channel, 'n', number).then((id) => void tell('kept', channel, number, id));
    inFlight.push(kept);
    // Some come in one turn, some while others are being written, and some when nothing is.
    if (number % 7 === 0) await new Promise(setImmediate);
    if (number % 100 !== 0) continue;
    await Promise.all(inFlight);
    inFlight = [];
  }
}

if (what === 'fill') {
  const data = 'x'.repeat(50_000);
  let kept = 0;
  for (let code = ''; code === ''; ) {
    code = await broker.publish('a', 'n', data).then(() => '', codeOf);
    if (code === '') kept++;
    else tell('full', code, kept);
  }
  let read = 0;
  await broker.subscribe(['a'], { deliver: (_: Frame) => void read++, gap: () => tell('gap') }, 'earliest');
  tell('read', read);
  tell('again', await broker.publish('a', 'n', data).catch(codeOf));
  await once(process.stdin, 'data');
  tell('room', await broker.publish('a', 'n', data).catch(codeOf));
  tell('read', read);
  process.stdin.destroy();
}
