/** One server in a process of its own, of the kind that it is told to be: publishes at each byte on a control connection. */

import { startProfile, stopProfile } from '../support/own-profile.js';
import { play } from '../support/role.js';
import { type App, listenForControl } from './apps/app.js';
import { startBare } from './apps/bare.js';
import { startBetterSse } from './apps/better-sse.js';
import { startExpressSse } from './apps/express-sse.js';
import { startFastifySse, startFastifySseV2 } from './apps/fastify.js';
import { startHono } from './apps/hono.js';
import { startBroker, startFrames, startLoop, startStore } from './apps/tradewind.js';
import { type DataKind, Payloads } from './payloads.js';

/** By the names that they have in tables. */
const APPS = {
  'better-sse broadcast': () => startBetterSse(false),
  'better-sse batch, by hand': () => startBetterSse(true),
  'express-sse': startExpressSse,
  '@fastify/sse': startFastifySse,
  'fastify-sse-v2': startFastifySseV2,
  'hono streamSSE': startHono,
  'writeMessage loop': startLoop,
  'broker publish': startBroker,
  'broker publish, compressed': () => startBroker({ compression: 'shared' }),
  'store submit': () => startStore(false),
  'store iterator': () => startStore(true),
  'frame loop': startFrames,
  'bare res.write': startBare,
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
  startProfile,
  stopProfile,
});
