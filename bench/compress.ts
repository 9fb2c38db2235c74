/**
 * What compression costs the server for each delivered event, and what it saves on the wire: a channel whose mount has
 * `compression: 'shared'`, beside the same without it.
 *
 * Measured: as in `fanout.ts`, one event a turn to 1,000 subscribers, who all send `Accept-Encoding: gzip`; CPU time of the whole
 * process, with the threads that zlib may use. The events are `fanout/chat-traffic.ts`, messages of about 400 bytes; "bytes" is what
 * came over the wire for each delivery, HTTP's framing included.
 *
 * The client in C does not decode: of a compressed stream it counts the chunks, one for each turn, and compares none. Beside its
 * subscribers there are two in Node, on both sides, one from the beginning and one that comes anew before each round, which
 * decode all and compare it with what was published. So delivery to everybody is counted, and that it can be read is proved of two.
 * The one that comes anew counts as well: a round has one newcomer, for whom an event is sent without reference to others.
 *
 * Not measured: many channels, each of which is compressed for itself, subscribers that come in the midst (all but one are there
 * from the beginning), their own CPU time for decoding, and traffic of other kinds: a price of 60 bytes shrinks less.
 *
 * Run:   npm run bench -- compress
 *        [--subscribers 1000] [--events 60] [--rounds 5] [--processes 2] [--json FILE] [--markdown FILE]
 * Takes: about half a minute. Needs a C compiler.
 */

import { nativeLoadClient } from './fanout/load-client.js';
import { describeWorkload, measureSides } from './fanout/measure.js';
import { describeSetting, findSetting, findWorkload } from './fanout/setting.js';
import { Sides } from './fanout/sides.js';
import { cpuTable, hasVoid, ratiosOf, sectionOf } from './fanout/tables.js';
import { verifying } from './fanout/verifying-client.js';
import { figure } from './support/figures.js';
import { report } from './support/report.js';

const found = findSetting({ processes: 2, rounds: 5 });
if (found.programs === null) throw new Error('Needs a C compiler');
const workload = findWorkload({ bytes: 400, data: 'chat' });
/** Of each client that was started. */
const codedOf: number[] = [];
const startVerifying = verifying(nativeLoadClient(found.programs.load, 'gzip'), workload);
const setting: typeof found = {
  ...found,
  startClient: async (...args) => {
    const client = await startVerifying(...args);
    codedOf.push(client.coded);
    return client;
  },
};

const sides = new Sides(setting, workload);
const [plain, compressed] = [sides.broker, sides.node('broker publish, compressed')];
const all = await measureSides([plain, compressed], workload, setting);
const isCompressed = codedOf.filter((coded) => coded === workload.subscribers).length === setting.processes;
if (!isCompressed) console.log('Not everybody who accepted gzip got it: there is nothing to compare.');
const bases = all.filter(({ side }) => side === plain).map((measured) => ({ title: '/ uncompressed', measured }));
report(
  [sectionOf(all, `Compression: ${describeWorkload(workload)}, ${describeSetting(setting)}`, [cpuTable(all, bases)])],
  [
    figure(
      "CPU a delivery with compression 'shared', beside uncompressed",
      isCompressed ? ratiosOf(all, compressed, plain) : [],
      '≤',
      1.2,
    ),
    figure(
      'bytes of chat messages, uncompressed over compressed',
      isCompressed ? ratiosOf(all, plain, compressed, 'bytes') : [],
      '≥',
      4,
    ),
  ],
);
if (hasVoid(all) || !isCompressed) process.exitCode = 1;
