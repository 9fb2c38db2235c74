import test from 'ava';
import fc from 'fast-check';
import { ClientLog, SharedLog } from '../../bench/delivery/client-log.js';
import { judge } from '../../bench/delivery/judge.js';
import { payloadOf } from '../../bench/delivery/payload.js';
import {
  ACKNOWLEDGED,
  type ClientRecord,
  type ObserverRecord,
  PENDING,
  type PublisherRecord,
  REFUSED,
  UNCERTAIN,
} from '../../bench/delivery/records.js';
import type { ViolationKind } from '../../bench/delivery/violations.js';
import { type Recorded, recordHistory, type Step, steps } from './record-history.js';

function kindsOf({ publishers, observers }: Recorded): ViolationKind[] {
  return [...judge(publishers, observers).violations.counts.keys()].sort();
}

/** The same history, but for what one client has in its log. */
function tampered(recorded: Recorded, client: number, tamper: (log: number[]) => number[]): Recorded {
  const observer = recorded.observers[0]!;
  const clients = observer.clients.map((record) =>
    record.client === client ? { ...record, log: Int32Array.from(tamper([...record.log])) } : record,
  );
  return { ...recorded, observers: [{ ...observer, clients }] };
}

interface Place {
  readonly client: ClientRecord;
  /** The index of an event in the client's log, between two others of the same channel and the same connection. */
  readonly index: number;
}

/** Where an acknowledged event cannot be taken away with an excuse: no gap was told there, and nobody came back there. */
function placesOf({ publishers, observers }: Recorded): Place[] {
  const { events, clients } = observers[0]!;
  const isAcknowledged = (entry: number) => {
    return publishers[0]!.outcomes[Number(events[entry]!.data.split('/')[1])] === ACKNOWLEDGED;
  };
  return clients.flatMap((client) => {
    const { log } = client;
    const channelAt = (index: number) => (log[index]! < 0 ? 'none' : events[log[index]!]?.data.split('/')[2]);
    const indices = [...log.keys()].filter((index) => {
      const channel = channelAt(index);
      if (channel === 'none' || !isAcknowledged(log[index]!)) return false;
      return channelAt(index - 1) === channel && channelAt(index + 1) === channel;
    });
    return indices.map((index) => ({ client, index }));
  });
}

/** Breaks what is recorded of any history in any place, and sees the judge say so. */
function alwaysSees(kinds: readonly ViolationKind[], tamper: (log: number[], index: number) => number[]) {
  return fc.asyncProperty(steps, fc.nat(), async (history, seed) => {
    const recorded = await recordHistory(history);
    const places = placesOf(recorded);
    fc.pre(places.length > 0);
    const { client, index } = places[seed % places.length]!;
    const found = kindsOf(tampered(recorded, client.client, (log) => tamper(log, index)));
    if (found.length !== 1 || !kinds.includes(found[0]!)) throw new Error(`found ${JSON.stringify(found)}`);
  });
}

test('judge: has nothing to say against a broker that keeps its promise (any history)', async (t) => {
  let covered = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const { publishers, observers } = await recordHistory(history);
      const verdict = judge(publishers, observers);
      covered += verdict.covered;
      t.deepEqual(verdict.violations.first, []);
    }),
    { numRuns: 300 },
  );
  t.true(covered > 100, 'histories in which something is lost and told');
});

test('judge: sees an event that is missing (any history)', async (t) => {
  const drop = (log: number[], index: number) => log.toSpliced(index, 1);
  await t.notThrowsAsync(async () => fc.assert(alwaysSees(['missing', 'unfinished'], drop)));
});

test('judge: sees two events that were swapped (any history)', async (t) => {
  const swap = (log: number[], index: number) => log.toSpliced(index - 1, 2, log[index]!, log[index - 1]!);
  await t.notThrowsAsync(async () => fc.assert(alwaysSees(['disordered'], swap)));
});

test('judge: sees an event that came twice (any history)', async (t) => {
  const repeat = (log: number[], index: number) => log.toSpliced(index, 0, log[index]!);
  await t.notThrowsAsync(async () => fc.assert(alwaysSees(['repeated'], repeat)));
});

test('judge: sees an event that came again much later (any history)', async (t) => {
  const repeat = (log: number[], index: number) => [...log, log[index]!];
  await t.notThrowsAsync(async () => fc.assert(alwaysSees(['repeated'], repeat)));
});

test('judge: sees a gap that was not told (any history in which something is lost)', async (t) => {
  await t.notThrowsAsync(async () =>
    fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const recorded = await recordHistory(history);
        fc.pre(judge(recorded.publishers, recorded.observers).covered > 0);
        const found = kindsOf(withoutGaps(recorded));
        if (!found.includes('missing') && !found.includes('unfinished')) throw new Error(`found ${found}`);
        if (found.includes('resumed')) throw new Error('found more');
      }),
    ),
  );
});

/** The same history, from a broker that claims to have replayed all. */
function withoutGaps({ publishers, observers }: Recorded): Recorded {
  const hide = (observer: ObserverRecord): ObserverRecord => ({
    events: observer.events,
    moments: observer.moments.map((moment) => (moment.text === 'gap' ? { ...moment, text: 'complete' } : moment)),
    clients: observer.clients.map((client) => ({
      ...client,
      log: client.log.filter((entry) => entry >= 0 || observer.moments[~entry]!.kind !== 'gap'),
    })),
  });
  return { publishers, observers: observers.map(hide) };
}

// One fault each, in a history of five events on two channels that two clients follow.

interface Row {
  readonly channel: number;
  readonly id?: string;
  readonly outcome?: number;
  readonly from?: number;
  readonly to?: number;
}

const ROWS: readonly Row[] = [
  { channel: 0, id: 'h-1' },
  { channel: 1, id: 'h-2' },
  { channel: 0, id: 'h-3' },
  { channel: 0, id: 'h-9' },
  { channel: 0, id: 'h-10' },
];

function publisherOf(rows: readonly Row[]): PublisherRecord {
  return {
    channels: rows.map(({ channel }) => channel),
    startedAt: rows.map(({ from }, number) => from ?? 10 * number),
    settledAt: rows.map(({ to }, number) => to ?? 10 * number + 5),
    outcomes: rows.map(({ outcome }) => outcome ?? ACKNOWLEDGED),
    ids: rows.map(({ id, outcome }) => (outcome === undefined ? (id ?? '') : '')),
  };
}

type Entry = number | { readonly id: string; readonly data: string } | 'gap' | 'fresh' | 'complete';

/** What one client saw: numbers are events of the rows. */
function observerOf(rows: readonly Row[], channels: readonly number[], entries: readonly Entry[], isConnected = true) {
  const shared = new SharedLog();
  const log = new ClientLog(0, channels);
  let lastEventId = '';
  for (const entry of entries) {
    if (entry === 'fresh' || entry === 'complete') {
      shared.sawMoment(log, 'connect', lastEventId);
      shared.sawMoment(log, 'subscribed', entry);
    } else if (entry === 'gap') shared.sawMoment(log, 'gap', '{}');
    else {
      const event = typeof entry === 'number' ? eventOf(rows, entry) : entry;
      shared.sawEvent(log, event.id, event.data);
      lastEventId = event.id;
    }
  }
  return shared.record([log.record(isConnected)]);
}

function eventOf(rows: readonly Row[], number: number, publisher = 0): { id: string; data: string } {
  const { id = '', channel } = rows[number]!;
  return { id, data: payloadOf({ publisher, number, channel }) };
}

const withRow = (number: number, row: Partial<Row>) => ROWS.with(number, { ...ROWS[number]!, ...row });
const all = (rows: readonly Row[]) => [observerOf(rows, [0, 1], [0, 1, 2, 3, 4])];

const cases: [does: string, kinds: ViolationKind[], rows: readonly Row[], observers: ObserverRecord[]][] = [
  ['is content when everything is there', [], ROWS, all(ROWS)],
  ['asks for nothing before the first event that a client saw', [], ROWS, [observerOf(ROWS, [0, 1], [2, 3, 4])]],
  ['asks for nothing of other channels', [], ROWS, [observerOf(ROWS, [0], [0, 2, 3, 4])]],
  ['sees what never came', ['unfinished'], ROWS, [observerOf(ROWS, [0, 1], [0, 1, 2, 3])]],
  ['sees a client that never came back', ['disconnected'], ROWS, [observerOf(ROWS, [0, 1], [0, 1], false)]],
  ['sees an event of another channel', ['foreign'], ROWS, [observerOf(ROWS, [0], [0, 1, 2, 3, 4])]],
  [
    'sees an event that nobody published',
    ['invented'],
    ROWS,
    [observerOf(ROWS, [0], [0, { id: 'h-2', data: 'doge' }, 2, 3, 4])],
  ],
  [
    'sees an event of a publisher that is none',
    ['invented'],
    ROWS,
    [observerOf(ROWS, [0], [0, eventOf(ROWS, 2, 1), 2, 3, 4])],
  ],
  [
    'sees an event under the name of another channel',
    ['invented', 'missing'],
    ROWS,
    [observerOf(ROWS, [0], [0, { id: 'h-3', data: payloadOf({ publisher: 0, number: 2, channel: 1 }) }, 3, 4])],
  ],
  [
    'sees an id without a place of an event whose outcome is unknown',
    ['id'],
    withRow(2, { outcome: UNCERTAIN }),
    [observerOf(ROWS, [0], [0, { ...eventOf(ROWS, 2), id: 'much id' }, 3, 4])],
  ],
  [
    'sees data that was changed',
    ['invented', 'missing'],
    ROWS,
    [observerOf(ROWS, [0], [0, { ...eventOf(ROWS, 2), data: `${eventOf(ROWS, 2).data}!` }, 3, 4])],
  ],
  [
    'sees an event under another id than was acknowledged',
    ['id', 'missing'],
    ROWS,
    [observerOf(ROWS, [0], [0, { ...eventOf(ROWS, 2), id: 'h-4' }, 3, 4])],
  ],
  ['sees two events of one id', ['id'], withRow(1, { id: 'h-3' }), [observerOf(ROWS, [0], [0, 2, 3, 4])]],
  ['sees an id without a place', ['id'], withRow(1, { id: 'much id' }), [observerOf(ROWS, [0], [0, 2, 3, 4])]],
  [
    'sees a publish that was never settled',
    ['unsettled'],
    withRow(1, { outcome: PENDING }),
    [observerOf(ROWS, [0], [0, 2, 3, 4])],
  ],
  [
    'takes an event for what it may be whose outcome is unknown',
    [],
    withRow(2, { outcome: UNCERTAIN }),
    [observerOf(ROWS, [0, 1], [0, 1, 2, 3, 4]), observerOf(ROWS, [0, 1], [0, 1, 3, 4])],
  ],
  [
    'sees an event whose publish was rejected as not kept',
    ['refused'],
    withRow(2, { outcome: REFUSED }),
    [observerOf(ROWS, [0, 1], [0, 1, 2, 3, 4])],
  ],
  [
    'sees an event that precedes one which was acknowledged before it',
    ['time', 'turn'],
    ROWS.with(0, { channel: 0, id: 'h-3' }).with(2, { channel: 0, id: 'h-1' }),
    [],
  ],
  [
    'sees the order of two calls that went on at once turned round',
    ['turn'],
    ROWS.with(0, { channel: 0, id: 'h-2', to: 20 }).with(1, { channel: 1, id: 'h-1', to: 20 }),
    [],
  ],
  [
    'takes a history that was begun later for the later one, whatever its numbers',
    [],
    ROWS.with(3, { channel: 0, id: 'a-1' }).with(4, { channel: 0, id: 'a-2' }),
    [observerOf(ROWS.with(3, { channel: 0, id: 'a-1' }).with(4, { channel: 0, id: 'a-2' }), [0, 1], [0, 1, 2, 3, 4])],
  ],
  ['excuses by a gap what is missing before it', [], ROWS, [observerOf(ROWS, [0, 1], [0, 'gap', 3, 4])]],
  [
    'excuses by a gap no event of a channel after the next one of it',
    ['missing'],
    ROWS,
    [observerOf(ROWS, [0, 1], [0, 'gap', 1, 2, 4])],
  ],
  [
    'sees a subscription that claims to be complete after a gap',
    ['resumed'],
    ROWS,
    [observerOf(ROWS, [0, 1], [0, 1, 2, 'gap', 3, 'complete', 4])].map(withGapInConnection),
  ],
  [
    'sees one that claims to be fresh with an id',
    ['resumed'],
    ROWS,
    [observerOf(ROWS, [0, 1], [0, 'fresh', 1, 2, 3, 4])],
  ],
];

/** Moves the last `connect` before the gap. */
function withGapInConnection(observer: ObserverRecord): ObserverRecord {
  const client = observer.clients[0]!;
  const log = [...client.log];
  const kindAt = (index: number) => (log[index]! < 0 ? observer.moments[~log[index]!]!.kind : '');
  const connect = log.findIndex((_, index) => kindAt(index) === 'connect');
  const [entry] = log.splice(connect, 1);
  const gap = log.findIndex((_, index) => kindAt(index) === 'gap');
  log.splice(gap, 0, entry!);
  return { ...observer, clients: [{ ...client, log: Int32Array.from(log) }] };
}

for (const [does, kinds, rows, observers] of cases) {
  test(`judge: ${does}`, (t) => {
    t.deepEqual(kindsOf({ publishers: [publisherOf(rows)], observers }), kinds.toSorted());
  });
}

test('judge: excuses by a gap nothing that was published after it', (t) => {
  const shared = new SharedLog();
  const log = new ClientLog(0, [0]);
  for (const number of [0, 2]) shared.sawEvent(log, ROWS[number]!.id!, eventOf(ROWS, number).data);
  shared.sawMoment(log, 'gap', '{}');
  shared.sawEvent(log, 'h-10', eventOf(ROWS, 4).data);
  const observer = shared.record([log.record(true)]);
  const kindsWithGapAt = (at: number) => {
    const moments = observer.moments.map((moment) => ({ ...moment, at }));
    return kindsOf({ publishers: [publisherOf(ROWS)], observers: [{ ...observer, moments }] });
  };
  t.deepEqual(kindsWithGapAt(31), []);
  t.deepEqual(kindsWithGapAt(29), ['missing']);
});

test('judge: excuses by a gap what was published while it was replayed', (t) => {
  const shared = new SharedLog();
  const log = new ClientLog(0, [0]);
  shared.sawEvent(log, 'h-1', eventOf(ROWS, 0).data);
  shared.sawMoment(log, 'connect', 'h-1');
  shared.sawMoment(log, 'gap', '{}');
  shared.sawMoment(log, 'subscribed', 'gap');
  shared.sawEvent(log, 'h-10', eventOf(ROWS, 4).data);
  const observer = shared.record([log.record(true)]);
  const kindsSubscribedAt = (at: number) => {
    const moments = observer.moments.map((moment) => ({ ...moment, at: moment.kind === 'subscribed' ? at : 10 }));
    return kindsOf({ publishers: [publisherOf(ROWS)], observers: [{ ...observer, moments }] });
  };
  t.deepEqual(kindsSubscribedAt(30), []);
  t.deepEqual(kindsSubscribedAt(29), ['missing']);
});

test('judge: asks for what was published after a client had subscribed, though it precedes its first event', (t) => {
  const observer = observerOf(ROWS, [0], ['fresh', 3, 4]);
  const kindsWithOpenAt = (at: number) => {
    const moments = observer.moments.map((moment) => ({ ...moment, at }));
    return kindsOf({ publishers: [publisherOf(ROWS)], observers: [{ ...observer, moments }] });
  };
  t.deepEqual(kindsWithOpenAt(20), []);
  t.deepEqual(kindsWithOpenAt(19), ['missing']);
});

test('judge: describes a violation by the client, the channel and the events around it', (t) => {
  const { violations } = judge([publisherOf(ROWS)], [observerOf(ROWS, [0, 1], [0, 1, 3, 4])]);
  t.is(violations.first.length, 1);
  const { description } = violations.first[0]!;
  for (const part of ['client 0, of the channels 0, 1', '0/2 of channel 0, id "h-3"', '"h-2"', '> [2] event "h-9"']) {
    t.true(description.includes(part), `${part} in ${description}`);
  }
});

test('judge: counts what was published, delivered, told and covered', async (t) => {
  const history: Step[] = [
    { do: 'connect', client: 0 },
    { do: 'publish', channel: 0, ends: 'acknowledged' },
    { do: 'leave', client: 0 },
    ...Array.from({ length: 5 }, (): Step => ({ do: 'publish', channel: 0, ends: 'acknowledged' })),
    { do: 'publish', channel: 1, ends: 'rejected' },
  ];
  const { publishers, observers } = await recordHistory(history);
  const { violations: _, ...counts } = judge(publishers, observers);
  // The client sees the first, the three that are kept and the last; the others see what ends the run: 1 + 2 + 2 + 3 events, less
  // the channel that it follows itself.
  t.deepEqual(counts, {
    published: 10,
    acknowledged: 9,
    uncertain: 1,
    refused: 0,
    delivered: 5 + 2 + 2 + 3,
    connects: 5,
    gaps: 1,
    gapsWithLoss: 1,
    covered: 2,
  });
});
