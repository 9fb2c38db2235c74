/** What may be asked of the checker on the command line. */

import { parseArgs } from 'node:util';
import { BREAKS, type Break } from './breaking-broker.js';
import { BROKERS } from './brokers.js';

/** The kinds of faults. */
export const FAULTS = {
  cuts: 'clients are cut off, some or all of them, and some stay away for a while',
  kills: 'a server is killed with SIGKILL and started again',
  pauses: 'a server is stopped with SIGSTOP, past the time after which clients give it up, and continued',
  engine: 'the engine is killed and started again',
  connection: "the engine's connections are cut, or carry nothing for a while",
  history: 'the history is shorter than what clients miss',
} as const;

export type FaultKind = keyof typeof FAULTS;

export interface CheckOptions {
  readonly broker: string;
  readonly seconds: number;
  readonly seed: number;
  readonly clients: number;
  readonly channels: number;
  /** Events a second, of all publishers. */
  readonly rate: number;
  /** Events that are kept of each channel. */
  readonly history: number;
  /** How many seconds everything may take that must happen once all faults are over: an engine may read its files first. */
  readonly settle: number;
  readonly faults: readonly FaultKind[];
  readonly break: Break | null;
  /** It breaks at one delivery of so many. */
  readonly breakEvery: number;
}

/** Less than a second of the busiest channel, some seconds of a quiet one. */
const SHORT_HISTORY = 60;
export const LONG_HISTORY = 1_000_000;
const NUMBERS = {
  seconds: 20,
  seed: 1,
  clients: 300,
  channels: 20,
  rate: 400,
  history: SHORT_HISTORY,
  settle: 45,
  'break-every': 1_000,
};

export const USAGE = `npm run check:delivery -- [options]
  --broker NAME     ${Object.keys(BROKERS).join(', ')} (memory)
  --seconds N       how long faults are injected (${NUMBERS.seconds})
  --seed N          what is drawn: faults, channels, events (${NUMBERS.seed})
  --clients N       streams, each of 1 to 4 channels (${NUMBERS.clients})
  --channels N      (${NUMBERS.channels})
  --rate N          events published a second (${NUMBERS.rate})
  --history N       events kept of each channel (${NUMBERS.history}; ${LONG_HISTORY} without the fault "history")
  --settle N        seconds within which all must be whole once the faults are over (${NUMBERS.settle})
  --faults A,B      all, none, or some of these (all)
${table(FAULTS)}
  --break KIND      breaks the broker on purpose, for the checker to notice
${table(BREAKS)}
  --break-every N   at one delivery of so many (${NUMBERS['break-every']})`;

/** Reads the command line; throws an Error that says what is wrong with it. */
export function readOptions(args: readonly string[]): CheckOptions {
  const text = { type: 'string' } as const;
  const names = [...Object.keys(NUMBERS), 'broker', 'faults', 'break'];
  const { values } = parseArgs({ args: [...args], options: Object.fromEntries(names.map((name) => [name, text])) });
  const numberOf = (name: keyof typeof NUMBERS, fallback: number = NUMBERS[name]) => {
    const number = Number(values[name] ?? fallback);
    if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${name} needs a whole number from 1 on`);
    return number;
  };
  const asked = values['faults'] ?? 'all';
  const all = Object.keys(FAULTS) as FaultKind[];
  const faults = asked === 'all' ? all : all.filter((kind) => asked.split(',').includes(kind));
  if (faults.length === 0 && asked !== 'none') throw new Error(`--faults knows ${all.join(', ')}`);
  return {
    broker: oneOf(BROKERS, 'broker', values['broker'] ?? 'memory'),
    seconds: numberOf('seconds'),
    seed: numberOf('seed'),
    clients: numberOf('clients'),
    channels: numberOf('channels'),
    rate: numberOf('rate'),
    settle: numberOf('settle'),
    history: numberOf('history', faults.includes('history') ? SHORT_HISTORY : LONG_HISTORY),
    faults,
    break: values['break'] === undefined ? null : oneOf(BREAKS, 'break', values['break']),
    breakEvery: numberOf('break-every'),
  };
}

/** The command that repeats a run. */
export function commandOf(options: CheckOptions): string {
  const { broker, seconds, seed, clients, channels, rate, history, settle, faults } = options;
  const words = { broker, seconds, seed, clients, channels, rate, history, settle, faults: faults.join(',') || 'none' };
  const command = Object.entries(words).map(([name, value]) => `--${name} ${value}`);
  if (options.break !== null) command.push(`--break ${options.break}`, `--break-every ${options.breakEvery}`);
  return `npm run check:delivery -- ${command.join(' ')}`;
}

function oneOf<Names extends object>(names: Names, option: string, value: string): Extract<keyof Names, string> {
  if (Object.hasOwn(names, value)) return value as Extract<keyof Names, string>;
  throw new Error(`--${option} is one of ${Object.keys(names).join(', ')}`);
}

function table(rows: Readonly<Record<string, string>>): string {
  return Object.entries(rows)
    .map(([name, meaning]) => `      ${name.padEnd(11)} ${meaning}`)
    .join('\n');
}
