/** The role of many clients in one process. */

import { play } from '../support/role.js';
import { ClientLog, SharedLog } from './client-log.js';
import { SeededRandom } from './random.js';
import { now } from './records.js';
import { type ClientWorld, StreamClient } from './stream-client.js';

export interface StartClients {
  readonly do: 'start';
  readonly seed: number;
  readonly ports: readonly number[];
  readonly channelNames: readonly string[];
  readonly clients: readonly { readonly client: number; readonly channels: readonly number[] }[];
  readonly silenceMs: number;
  readonly finalPrefix: string;
}

/** Cuts a share of the clients, and has them stay away for up to so long. */
export interface CutClients {
  readonly do: 'cut';
  readonly share: number;
  readonly absentMs: number;
}

/** Waits until each client has received the final events of its channels, at the index of each. */
export interface AwaitFinals {
  readonly do: 'reach';
  readonly finals: readonly string[];
  readonly withinMs: number;
}

const WATCH_MS = 100;

let world: ClientWorld;
let clients: StreamClient[] = [];
let check = () => {};

/** Resolves once all clients are so far; false: they were not within the time. */
function allClients(withinMs: number, isSoFar: (client: StreamClient) => boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (hasReached: boolean) => {
      clearTimeout(timeout);
      check = () => {};
      resolve(hasReached);
    };
    const timeout = setTimeout(() => settle(false), withinMs);
    let isScheduled = false;
    check = () => {
      // Once a turn: hundreds of clients get an event in the same one.
      if (isScheduled) return;
      isScheduled = true;
      setImmediate(() => {
        isScheduled = false;
        if (clients.every(isSoFar)) settle(true);
      });
    };
    check();
  });
}

play({
  start({ seed, ports, channelNames, clients: wanted, silenceMs, finalPrefix }: StartClients) {
    const random = new SeededRandom(seed, wanted[0]?.client);
    const log = new SharedLog();
    world = { log, random, ports, silenceMs, finalPrefix, onProgress: () => check() };
    clients = wanted.map(
      ({ client, channels }) => new StreamClient(world, new ClientLog(client, channels), channelNames),
    );
    for (const client of clients) client.connect();
    setInterval(() => {
      const at = now();
      for (const client of clients) client.watch(at);
    }, WATCH_MS);
    return {};
  },
  ports({ ports }: { ports: readonly number[] }) {
    world.ports = ports;
    return {};
  },
  cut({ share, absentMs }: CutClients) {
    const { random } = world;
    for (const client of clients) if (random.chance(share)) client.cut('cut', random.between(0, absentMs));
    return {};
  },
  async connected({ withinMs }: { withinMs: number }) {
    return { isReached: await allClients(withinMs, ({ isSubscribed }) => isSubscribed) };
  },
  async reach({ finals, withinMs }: AwaitFinals) {
    const isSoFar = (client: StreamClient) =>
      client.channels.every((channel) => finals[channel] === undefined || client.finals.has(finals[channel]));
    return { isReached: await allClients(withinMs, isSoFar) };
  },
  record: () => world.log.record(clients.map((client) => client.record())),
});
