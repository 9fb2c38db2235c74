import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Figure, figure } from '../support/figures.js';
import { Helper, median, shuffled, spread } from '../support/processes.js';
import type { Section } from '../support/report.js';
import type { StalledKind } from './stalled-server.js';

const NAMES: Record<StalledKind, string> = {
  write: 'res.write(Buffer), one for all',
  broker: 'broker publish',
};
const SUBSCRIBERS = 20;
const EVENTS = 10_000;

interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
}

/** Bytes for each event that waits for each subscriber. */
interface Queued {
  readonly resident: number;
  readonly heap: number;
}

/** Measures what an event costs in memory that waits for a subscriber who does not read. */
export async function measureStalled(rounds: number): Promise<{ section: Section; figures: Figure[] }> {
  const measured: Record<StalledKind, Queued[]> = { write: [], broker: [] };
  const kinds = Object.keys(NAMES) as StalledKind[];
  for (let round = 0; round < rounds; round++) {
    for (const kind of shuffled(kinds)) measured[kind].push(await queue(kind));
  }
  const valuesOf = (kind: StalledKind, of: keyof Queued) => measured[kind].map((each) => each[of]);
  const rows = kinds.map((kind) => [
    NAMES[kind],
    ...(['resident', 'heap'] as const).map((of) => spread(valuesOf(kind, of), 0)),
    (median(valuesOf(kind, 'resident')) / median(valuesOf('write', 'resident'))).toFixed(2),
  ]);
  return {
    section: {
      title: `Stalled subscribers: ${SUBSCRIBERS} subscribers that never read, ${EVENTS.toLocaleString('en')} events of 100 bytes queued for each, ${rounds} rounds`,
      tables: [[['bytes for each queued event', 'resident', 'JS heap and buffers', '/ res.write'], ...rows]],
      values: Object.fromEntries(kinds.map((kind) => [NAMES[kind], valuesOf(kind, 'resident')])),
    },
    figures: [
      figure('memory of an event queued for a stalled subscriber', valuesOf('broker', 'resident'), '≤', 150, 'bytes'),
    ],
  };
}

async function queue(kind: StalledKind): Promise<Queued> {
  const server = await Helper.startBundle(new URL('stalled-server.ts', import.meta.url), [], ['--expose-gc']);
  const sockets: Socket[] = [];
  try {
    const { port } = await server.ask<{ port: number }>({ do: 'start', kind });
    for (let subscriber = 0; subscriber < SUBSCRIBERS; subscriber++) sockets.push(await stall(port));
    await server.ask({ do: 'fill', subscribers: SUBSCRIBERS });
    const before = await server.ask<Memory>({ do: 'memory' });
    const { open } = await server.ask<{ open: number }>({ do: 'queue', events: EVENTS });
    if (open !== SUBSCRIBERS) throw new Error(`${NAMES[kind]}: ${open} of ${SUBSCRIBERS} were not cut off`);
    const after = await server.ask<Memory>({ do: 'memory' });
    const perEvent = (bytes: number) => bytes / SUBSCRIBERS / EVENTS;
    return {
      resident: perEvent(after.rss - before.rss),
      heap: perEvent(after.heapUsed + after.external - before.heapUsed - before.external),
    };
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.stop();
  }
}

/** Asks for the stream and reads nothing, not even the headers. */
async function stall(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').pause();
  await once(socket, 'connect');
  socket.on('error', () => {});
  socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\n\r\n`);
  return socket;
}
