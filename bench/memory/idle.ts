import { type Figure, figure } from '../support/figures.js';
import type { IdleKind } from '../support/idle-server.js';
import { Helper, median, option, ratios, shuffled, spread } from '../support/processes.js';
import type { Section } from '../support/report.js';
import { withVersion } from '../support/versions.js';

const KINDS: readonly IdleKind[] = ['bare', 'better-sse', 'tradewind', 'tradewind, lean'];
const WARM_UP_STREAMS = 500;
/** Of a browser, beyond those that every client sends. */
const BROWSER_HEADERS = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'Cache-Control: no-cache',
  'Sec-Fetch-Site: same-origin',
  'Sec-Fetch-Mode: cors',
  'Sec-Fetch-Dest: empty',
  'Referer: https://example.com/dashboard',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-US,en;q=0.9',
  'Cookie: session=0123456789abcdef0123456789abcdef',
];

interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly open: number;
}

/** What a round told of one kind of server, at each stage. */
type Stages = readonly [none: Memory, once: Memory, twice: Memory];

/** Measures what an idle event stream keeps in memory. */
export async function measureIdle(rounds: number): Promise<{ section: Section; figures: Figure[] }> {
  const streams = option('streams', 5_000);
  const headers = option('browser', 0) ? BROWSER_HEADERS.map((line) => `${line}\r\n`).join('') : '';
  const measured = new Map(KINDS.map((kind) => [kind, [] as Stages[]]));
  for (let round = 0; round < rounds; round++) {
    for (const kind of shuffled(KINDS)) measured.get(kind)!.push(await openTwice(kind, streams, headers));
  }
  /** KiB for each stream, in each round. */
  const valuesOf = (kind: IdleKind, of: 'rss' | 'heapUsed', from: number, to: number) =>
    measured.get(kind)!.map((stages) => {
      const [less, more] = [stages[from]!, stages[to]!];
      return (more[of] - less[of]) / (more.open - less.open) / 1024;
    });
  const tables = [
    { name: `at ${streams}`, from: 0, to: 1 },
    { name: `at ${2 * streams}`, from: 0, to: 2 },
    { name: `from ${streams} to ${2 * streams}`, from: 1, to: 2 },
  ].map(({ name, from, to }) => [
    [`KiB a stream, ${name}`, 'resident', '/ better-sse', 'JS heap', '/ better-sse'],
    ...KINDS.map((kind) => [
      withVersion(kind),
      ...(['rss', 'heapUsed'] as const).flatMap((of) => {
        const values = valuesOf(kind, of, from, to);
        return [spread(values), median(ratios(values, valuesOf('better-sse', of, from, to))).toFixed(2)];
      }),
    ]),
  ]);
  const resident = (kind: IdleKind) => valuesOf(kind, 'rss', 0, 2);
  const name = `resident memory of an idle connection, at ${(2 * streams).toLocaleString('en')}`;
  return {
    section: {
      title: `Idle memory: ${rounds} rounds`,
      tables,
      values: Object.fromEntries(KINDS.map((kind) => [withVersion(kind), resident(kind)])),
    },
    figures: [
      figure(name, resident('tradewind'), '≤', 12, 'KiB'),
      figure('the same, with `lean: true`', resident('tradewind, lean'), '≤', 7, 'KiB'),
    ],
  };
}

/** So many streams, and as many again, of a server that has had some before. */
async function openTwice(kind: IdleKind, streams: number, headers: string): Promise<Stages> {
  const server = await Helper.startBundle(new URL('../support/idle-server.ts', import.meta.url), [], ['--expose-gc']);
  const client = await Helper.start('client.ts');
  try {
    const ports = await server.ask<object>({ do: 'start', kind });
    const open = async (count: number) => {
      await client.ask({ do: 'open', path: '/idle', count, headers, ...ports });
      return await server.ask<Memory>({ do: 'memory' });
    };
    await open(WARM_UP_STREAMS);
    await client.ask({ do: 'close' });
    const stages = [await server.ask<Memory>({ do: 'memory' }), await open(streams), await open(streams)] as const;
    const counts = stages.map((stage) => stage.open);
    if (`${counts}` !== `${[0, streams, 2 * streams]}`) throw new Error(`${counts} streams were open`);
    return stages;
  } finally {
    await Promise.all([server.stop(), client.stop()]);
  }
}
