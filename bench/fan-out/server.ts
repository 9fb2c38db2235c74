/** One server in a process of its own, of the kind that it is told to be: publishes at each byte on a control connection. */

import { play } from '../support/role.js';
import { type App, listenForControl } from './apps/app.js';
import { startBare } from './apps/bare.js';
import { startBetterSse } from './apps/better-sse.js';
import { startBroker, startFrames, startLoop, startStore } from './apps/tradewind.js';
import { type DataKind, Payloads } from './payloads.js';

const APPS = {
  'better-sse': () => startBetterSse(false),
  'better-sse batch': () => startBetterSse(true),
  loop: startLoop,
  broker: startBroker,
  store: () => startStore(false),
  'store iterator': () => startStore(true),
  frames: startFrames,
  bare: startBare,
} satisfies Record<string, () => Promise<App>>;

export type AppName = keyof typeof APPS;

export interface Start {
  readonly do: 'start';
  readonly app: AppName;
  readonly data: DataKind;
  readonly bytes: number;
  /** How many events each byte asks for. */
  readonly perTurn: number;
}

play({
  start: async ({ app: name, data, bytes, perTurn }: Start) => {
    const app = await APPS[name]();
    const payloads = new Payloads(data, bytes);
    const controlPort = await listenForControl(() => app.publish(payloads, perTurn));
    return { port: app.port, controlPort };
  },
  cpu: () => process.cpuUsage(),
});
