/** The process around a hub: its settings, its signals, what it reads, and its end. */

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import type { Broker } from '../../channel/broker.js';
import { LONGEST_TIMER_MS } from '../../clock.js';
import { ConfigurationError, quote, toError } from '../../errors.js';
import { Hub } from '../../hub/hub.js';
import type { HubHooks } from '../../hub/hub-core.js';
import { isChannelName } from '../../hub/updates/hub-channels.js';
import { OptionFaults } from '../../option-faults.js';
import { hubOptions } from './hub-options.js';
import { openBroker } from './open-broker.js';
import { type Given, readSettings, type Values } from './read-settings.js';
import { settingsSchema } from './settings-schema.js';
import { publishLines } from './stdin-input.js';

const MAX_SECONDS = Math.floor(LONGEST_TIMER_MS / 1_000);

interface Flags {
  readonly config?: string;
  readonly printSchema?: true;
  readonly [name: string]: unknown;
}

/** Reads the settings of a command line, the environment and a file, and serves until a signal ends it. */
export async function runServe(command: Command): Promise<void> {
  const flags = command.opts<Flags>();
  if (flags.printSchema) {
    process.stdout.write(`${JSON.stringify(settingsSchema(), null, 2)}\n`);
    return;
  }
  const given = Object.entries(flags).filter(([name]) => command.getOptionValueSource(name) === 'cli');
  const file = flags.config ?? process.env['TRADEWIND_CONFIG'];
  await serve(await makeHub({ flags: Object.fromEntries(given), environment: process.env, file }));
}

interface MadeHub {
  readonly hub: Hub;
  readonly broker: Broker;
  readonly values: Values;
}

/** @throws {@link ConfigurationError} that names all that is wrong. */
async function makeHub(given: Given): Promise<MadeHub> {
  const faults = new OptionFaults();
  const values = readSettings(given, faults);
  const options = hubOptions(values, faults);
  faults.checkNumber('drainSeconds', values['drainSeconds'], MAX_SECONDS);
  const { stdin } = values;
  if (stdin !== undefined && !isChannelName(`${stdin}`))
    faults.add(`stdin ${quote(stdin)} is not the name of a channel`);
  const app = values['app'] === undefined ? null : await attempt(faults, () => importApp(`${values['app']}`));
  const broker = await attempt(faults, () => openBroker(values, faults));
  try {
    const hub = await attempt(
      faults,
      () => new Hub({ ...options, ...app?.hooks, ...(broker === null ? {} : { broker }) }),
    );
    faults.throwIfAny();
    if (hub === null || broker === null) throw new Error('unreachable: what is missing is a fault');
    if ('ready' in broker) await broker.ready();
    await app?.mount(hub);
    return { hub, broker, values };
  } catch (thrown) {
    await broker?.close();
    throw thrown;
  }
}

async function serve({ hub, broker, values }: MadeHub): Promise<void> {
  try {
    await hub.listen();
    await untilEnded(hub, values);
  } finally {
    // Its engine's connections would keep the process.
    await broker.close();
    process.stdin.destroy();
  }
}

async function untilEnded(hub: Hub, values: Values): Promise<void> {
  const { url } = hub;
  // Before it says where it is: who waits for that may end it at once.
  const asked = new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name));
  });
  const warning = hub.warning === null ? '' : `! ${hub.warning}\n`;
  process.stderr.write(`${warning}tradewind hub at ${url}, Mercure at ${url}/.well-known/mercure\n`);
  const { stdin, drainSeconds = 5, maxBodyBytes = 1024 ** 2 } = values;
  if (stdin !== undefined) {
    const told = (fact: string) => (thrown: unknown) =>
      void process.stderr.write(`! ${fact}: ${toError(thrown).message}\n`);
    const options = {
      longestLine: Number(maxBodyBytes),
      refused: told('a line was not published'),
      waits: told('standard input waits for the broker'),
      goesOn: () => void process.stderr.write('! standard input is published again\n'),
    };
    publishLines(hub, `${stdin}`, process.stdin, options).catch(told('standard input cannot be read'));
  }
  const signal = await asked;
  process.stderr.write(`${signal}: ending ${hub.router.connections} streams\n`);
  await hub.close({ drainMs: signal === 'SIGTERM' ? Number(drainSeconds) * 1_000 : 0 });
}

/** A module of the user's: what it mounts beside the hub's own, and its say in what is let in. */
interface App {
  mount(hub: Hub): unknown;
  readonly hooks: HubHooks;
}

async function importApp(path: string): Promise<App> {
  const app: Record<string, unknown> = await import(pathToFileURL(resolve(path)).href).catch((cause) => {
    throw new ConfigurationError('INVALID_APP', `No app: ${quote(path)} cannot be imported: ${toError(cause).message}`);
  });
  const { default: mount, authorizeSubscribe, authorizePublish } = app;
  if ([mount, authorizeSubscribe ?? mount, authorizePublish ?? mount].every((each) => typeof each === 'function')) {
    return { mount: mount as App['mount'], hooks: { authorizeSubscribe, authorizePublish } as HubHooks };
  }
  throw new ConfigurationError(
    'INVALID_APP',
    `No app: ${quote(path)} has no default export that is a function, or a hook that is none. Export (hub) => ….`,
  );
}

/** Notes what is wrong, among what else is. */
async function attempt<Result>(faults: OptionFaults, make: () => Result | Promise<Result>): Promise<Result | null> {
  try {
    return await make();
  } catch (thrown) {
    faults.addThrown(thrown);
    return null;
  }
}
