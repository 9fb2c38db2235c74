/** `tradewind bench`: its options, and the process around it. */

import { type FileHandle, open } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { clientClock } from '../clock.js';
import { showProgress } from './bench-progress.js';
import { benchJson, benchText } from './bench-report.js';
import { LoadGenerator, type LoadTarget } from './load-generator.js';
import { collect, eventId, headerFields, httpUrl, number, type Refuse, sendable } from './option-values.js';

interface BenchFlags {
  connections: number;
  duration: number;
  ramp?: number;
  header?: string[];
  since?: string;
  method?: string;
  data?: string;
  json?: string;
  yes?: true;
}

const WRONG_USAGE = { exitCode: 2 };
/** Above it, a slip of the finger is an attack. */
const MOST_UNASKED = 1_000;
const LONGEST_SECONDS = 86_400;

const EXAMPLES = `
It opens connections to the host of the URL and to no other: a redirect is a failure, as is what is no event stream. A stream
that is over before the time is counted, and not opened again. An event is a block with a data line; comments are none.

Examples:
  $ tradewind bench http://127.0.0.1:8888/doge/shiba
  $ tradewind bench https://example.com/prices -c 500 -d 60 --ramp 10 -H 'Authorization: Bearer …'
  $ tradewind bench http://127.0.0.1:8888/prices -c 5000 --yes --json figures.json

Ends with status 0, also when you leave with Ctrl-C; with 1 when no connection got a stream, and with 2 when it was asked wrongly.`;

export function benchCommand(): Command {
  return new Command('bench')
    .description('Open many streams of a server, and measure what comes.')
    .argument('<url>', 'http or https; a user and password may be in it')
    .option(
      '-c, --connections <number>',
      `how many; above ${thousands(MOST_UNASKED)} only with --yes`,
      connections,
      100,
    )
    .option('-d, --duration <seconds>', 'end after so long, the ramp included', duration, 10)
    .option('--ramp <seconds>', 'open them evenly over so long (default: 1, or half of the duration)', number)
    .option('-H, --header <name: value>', 'send a header; may be given again', collect)
    .option('--since <id>', 'resume after this event ID')
    .option('--method <method>', 'such as POST; the default with --data')
    .option('--data <body>', 'send a body; as application/json unless a header says otherwise')
    .option('--json <file>', 'write the same figures to a file, as JSON')
    .option('--yes', `do open more than ${thousands(MOST_UNASKED)} connections`)
    .addHelpText('after', EXAMPLES)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : WRONG_USAGE.exitCode))
    .action(run);
}

async function run(url: string, flags: BenchFlags, command: Command): Promise<void> {
  const { connections, duration, ramp = Math.min(1, duration / 2), json, yes } = flags;
  const refuse: Refuse = (sentence) => command.error(`error: ${sentence}`, WRONG_USAGE);
  const target = targetOf(url, flags, refuse);
  if (ramp >= duration) refuse(`A ramp of ${ramp} s is no shorter than the duration of ${duration} s.`);
  if (connections > MOST_UNASKED && !yes) {
    refuse(`${thousands(connections)} connections may harm ${target.url.host}. Add --yes if you may do that.`);
  }
  // Before the load, which would be for nothing.
  const file = json === undefined ? undefined : await open(json, 'w').catch((error) => refuse(error.message));
  const leaving = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => leaving.abort());
  const times = { durationMs: duration * 1_000, rampMs: ramp * 1_000 };
  const generator = new LoadGenerator(target, { connections, ...times, signal: leaving.signal });
  await measure(generator, target, file);
  if (generator.figures.opened === 0) process.exitCode = 1;
}

async function measure(generator: LoadGenerator, target: LoadTarget, file: FileHandle | undefined): Promise<void> {
  const { stdout, stderr } = process;
  const { figures } = generator;
  const hide = stderr.isTTY ? showProgress(figures, clientClock, (text) => stderr.write(text)) : undefined;
  await generator.run();
  hide?.();
  stdout.write(benchText(target, figures));
  await file?.writeFile(benchJson(target, figures));
  await file?.close();
}

/** Says at once what each of the connections would fail for. */
function targetOf(given: string, flags: BenchFlags, refuse: Refuse): LoadTarget {
  const { header = [], since, data, method = data === undefined ? 'GET' : 'POST' } = flags;
  const url = httpUrl(given, refuse);
  const headers = new Map<string, [string, string]>();
  const set = (name: string, value: string) => headers.set(name.toLowerCase(), [name, value]);
  set('Accept', 'text/event-stream');
  set('Cache-Control', 'no-cache');
  // As browsers do, of which there are to be so many.
  set('Connection', 'keep-alive');
  if (data !== undefined) {
    set('Content-Type', 'application/json');
    set('Content-Length', `${Buffer.byteLength(data)}`);
  }
  // Node takes a character for each byte.
  if (since !== undefined) set('Last-Event-ID', Buffer.from(eventId(since, refuse)).toString('latin1'));
  for (const [name, value] of headerFields(header, refuse)) set(name, value);
  // A method has the characters of a header's name.
  sendable([[method, '']], refuse);
  const sent = Object.fromEntries(headers.values());
  return { url, method: method.toUpperCase(), headers: sent, body: data };
}

function connections(value: string): number {
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new InvalidArgumentError('Give a whole number, from 1 to 999999.');
  return Number(value);
}

function duration(value: string): number {
  const seconds = number(value);
  if (seconds > 0 && seconds <= LONGEST_SECONDS) return seconds;
  throw new InvalidArgumentError(`Give seconds: more than 0, and ${LONGEST_SECONDS} at most.`);
}

function thousands(value: number): string {
  return value.toLocaleString('en-US');
}
