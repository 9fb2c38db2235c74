/**
 * What an idle event stream keeps in memory.
 *
 * Measured: by how much the server's resident memory, and its JavaScript heap, have grown for each open stream that
 * nothing was written to yet, after garbage collection, with heartbeats on. Each measurement has a server process of its
 * own, which has opened and closed 500 streams before, so that code and pools are not counted. Measured at N streams and
 * at 2 N: a busy process keeps up to 32 MB of young generation, which weighs on the first; "from N to 2 N" is what one
 * stream more costs.
 *
 * Not measured: the kernel's socket buffers (about 2 to 4 KB more for each), streams with a queue, TLS, HTTP/2.
 *
 * Run:   npm run bench -- idle-memory
 *        [--streams 5000, which is N] [--rounds 5] [--browser 1, for the request headers of a browser]
 * Takes: about 2 minutes. Needs `ulimit -n` above 2 N.
 */

import { Helper, median, option, printTable, ratios, shuffled, spread } from './support/processes.js';

const streams = option('streams', 5_000);
const rounds = option('rounds', 5);
const headers = option('browser', 0)
  ? [
      'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
      'Cache-Control: no-cache',
      'Sec-Fetch-Site: same-origin',
      'Sec-Fetch-Mode: cors',
      'Sec-Fetch-Dest: empty',
      'Referer: https://example.com/dashboard',
      'Accept-Encoding: gzip, deflate, br, zstd',
      'Accept-Language: en-US,en;q=0.9',
      'Cookie: session=0123456789abcdef0123456789abcdef',
    ]
      .map((line) => `${line}\r\n`)
      .join('')
  : '';
const WARM_UP_STREAMS = 500;

interface Memory {
  rss: number;
  heapUsed: number;
  open: number;
}

const names = [`at ${streams}`, `at ${2 * streams}`, 'from one to the other'];
const kinds = ['better-sse', 'tradewind', 'bare'].map((kind) => ({
  kind,
  rss: names.map((): number[] => []),
  heap: names.map((): number[] => []),
}));

for (let round = 0; round < rounds; round++) {
  for (const { kind, rss, heap } of shuffled(kinds)) {
    const server = await Helper.start('server.ts', ['--expose-gc']);
    const client = await Helper.start('client.ts');
    const ports = await server.ask<object>({ do: 'start', kind, heartbeats: true });
    await client.ask({ do: 'open', path: '/idle', count: WARM_UP_STREAMS, headers, ...ports });
    await client.ask({ do: 'close' });
    const none = await server.ask<Memory>({ do: 'memory' });
    await client.ask({ do: 'open', path: '/idle', count: streams, headers, ...ports });
    const once = await server.ask<Memory>({ do: 'memory' });
    await client.ask({ do: 'open', path: '/idle', count: streams, headers, ...ports });
    const twice = await server.ask<Memory>({ do: 'memory' });
    const open = [none.open, once.open, twice.open];
    if (`${open}` !== `${[0, streams, 2 * streams]}`) throw new Error(`${open} streams were open`);
    const spans = [
      [none, once],
      [none, twice],
      [once, twice],
    ] as const;
    spans.forEach(([from, to], index) => {
      const count = to.open - from.open;
      rss[index]!.push((to.rss - from.rss) / count / 1024);
      heap[index]!.push((to.heapUsed - from.heapUsed) / count / 1024);
    });
    await Promise.all([server.stop(), client.stop()]);
  }
}

console.log(`node ${process.version}: idle streams, ${rounds} rounds`);
const base = kinds[0]!;
names.forEach((name, index) => {
  const rows = [[`KiB a stream, ${name}`, 'resident', '/ better-sse', 'JS heap', '/ better-sse']];
  for (const { kind, rss, heap } of kinds) {
    const ofRss = median(ratios(rss[index]!, base.rss[index]!)).toFixed(2);
    const ofHeap = median(ratios(heap[index]!, base.heap[index]!)).toFixed(2);
    rows.push([kind, spread(rss[index]!), ofRss, spread(heap[index]!), ofHeap]);
  }
  printTable(rows);
});
