/**
 * What an event stream keeps in memory while it is idle, and what it keeps for a subscriber that does not read.
 *
 * Measured of idle streams: by how much the server's resident memory, and its JavaScript heap, have grown for each open stream that
 * nothing was written to yet, after garbage collection, with heartbeats on. Each measurement has a server process of its
 * own, which has opened and closed 500 streams before, so that code and pools are not counted. Measured at N streams and
 * at 2 N: a busy process keeps up to 32 MB of young generation, which weighs on the first; "from N to 2 N" is what one
 * stream more costs.
 *
 * Measured of stalled subscribers: by how much the same have grown for each event of 100 bytes and each of 20 subscribers that
 * read nothing, once the kernel's buffers are full, an event a turn, 10,000 times. Beside it the least that Node's `http` can do,
 * `res.write` of one Buffer for all.
 *
 * Not measured: the kernel's socket buffers (about 2 to 4 KB more for each idle stream), TLS, HTTP/2, and what is kept when a
 * slow-consumer policy acts, which nobody reaches here.
 *
 * Run:   npm run bench -- memory
 *        [--streams 5000, which is N] [--rounds 5] [--browser 1, for the request headers of a browser] [--json FILE] [--markdown FILE]
 * Takes: about 3 minutes. Needs `ulimit -n` above 2 N.
 */

import { measureIdle } from './memory/idle.js';
import { measureStalled } from './memory/stalled.js';
import { option } from './support/processes.js';
import { report } from './support/report.js';

const rounds = option('rounds', 5);
const parts = [await measureIdle(rounds), await measureStalled(rounds)];
report(
  parts.map(({ section }) => section),
  parts.flatMap(({ figures }) => figures),
);
