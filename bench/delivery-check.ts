/**
 * Whether a client that comes back gets every event that it missed, in order, once; or is told that it cannot.
 *
 * Publishers publish, hundreds of clients each follow a few channels, and faults are injected: clients, servers, the engine
 * and its connections are cut, killed, paused and started again, as drawn from a seed. Everything that was acknowledged and
 * everything that was received is recorded, and held against the promise afterwards: see `delivery/judge.ts`.
 *
 * Fails, with exit code 1, on a violation; prints the first of each kind, and the command that repeats the run. The same seed
 * draws the same faults, channels and events; what the machine does meanwhile is its own.
 *
 * Not checked: what a machine loses that loses its power. Processes are killed, and what they gave the kernel stays.
 *
 * Run:   npm run check:delivery -- --broker redis --seconds 60 --seed 7     (`--help` lists the options)
 * Takes: `seconds`, and some ten more.
 */

import { readOptions, USAGE } from './delivery/options.js';
import { describeRun, isClean } from './delivery/report.js';
import { DeliveryRun } from './delivery/run.js';

const args = process.argv.slice(2);
if (args.includes('--help')) {
  console.log(USAGE);
  process.exit(0);
}

let options: ReturnType<typeof readOptions>;
try {
  options = readOptions(args);
} catch (thrown) {
  console.error(`${(thrown as Error).message}\n\n${USAGE}`);
  process.exit(2);
}

const run = new DeliveryRun(options, console.log);
let isInterrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    isInterrupted = true;
    void run.stop();
  });
}
try {
  const result = await run.run();
  console.log(describeRun(options, result));
  process.exit(isClean(options, result) ? 0 : 1);
} catch (thrown) {
  // What was asked of a process that was stopped.
  if (!isInterrupted) console.error(thrown);
  process.exit(isInterrupted ? 130 : 1);
}
