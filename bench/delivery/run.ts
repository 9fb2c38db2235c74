/** A run from its start to the verdict: processes, faults, the end of all faults, and what must be so then. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Helper } from '../support/processes.js';
import { BROKERS } from './brokers.js';
import { ProxiedEngine } from './engines.js';
import { judge, type Verdict } from './judge.js';
import type { CheckOptions } from './options.js';
import type { PublishersRecord } from './publisher.js';
import { SeededRandom } from './random.js';
import { now, type ObserverRecord, type PublisherRecord } from './records.js';
import { describeFault, drawSchedule, type Fault, type Topology } from './schedule.js';
import { forkServer, ServerFleet, spawnServer } from './server-fleet.js';

export interface RunResult {
  readonly verdict: Verdict;
  /** How often each kind of fault was injected. */
  readonly faults: ReadonlyMap<string, number>;
  /** How often a publish was rejected with which code. */
  readonly rejections: ReadonlyMap<string, number>;
  readonly crashes: number;
  readonly logged: ReadonlyMap<string, number>;
  /** How long the clients took to come back, and to have received everything, once all faults were over, in milliseconds. */
  readonly settledMs: number;
}

const CLIENT_PROCESSES = 2;
const PUBLISHER_PROCESSES = 2;
const LANES = { direct: 2, posting: 6 };
const MOST_CHANNELS_OF_A_CLIENT = 4;
const FINAL_ROUNDS = 2;

export class DeliveryRun {
  readonly #options: CheckOptions;
  readonly #print: (line: string) => void;
  readonly #folder = mkdtempSync(join(tmpdir(), 'tradewind-delivery-'));
  readonly #random: SeededRandom;
  readonly #topology: Topology;
  readonly #channelNames: readonly string[];
  readonly #faults = new Map<string, number>();
  readonly #rejections = new Map<string, number>();
  readonly #stopping = new AbortController();
  #engine: ProxiedEngine | null = null;
  #servers: ServerFleet | null = null;
  #clients: Helper[] = [];
  #publishers: Helper[] = [];

  constructor(options: CheckOptions, print: (line: string) => void) {
    this.#options = options;
    this.#print = print;
    this.#random = new SeededRandom(options.seed, 99);
    const { servers, engine } = BROKERS[options.broker]!;
    this.#topology = {
      servers: servers === 'one' ? 1 : 2,
      hasEngine: engine !== null,
      silenceMs: options.seconds < 20 ? 1_500 : 3_000,
    };
    this.#channelNames = Array.from({ length: options.channels }, (_, channel) => `doge/${channel}`);
  }

  async run(): Promise<RunResult> {
    try {
      return await this.#run();
    } finally {
      await this.stop();
    }
  }

  /** Ends everything that was started. A run that is under way then rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#publishers, ...this.#clients].map((helper) => helper.stop()));
    await this.#servers?.stop();
    await this.#engine?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #run(): Promise<RunResult> {
    const schedule = drawSchedule(this.#options, this.#topology);
    for (const fault of schedule) this.#print(describeFault(fault));
    const servers = await this.#startServers();
    await this.#startClients(servers.ports);
    await this.#startPublishers(servers.ports);
    await this.#allClients({ do: 'connected' });
    await Promise.all(this.#publishers.map((helper) => helper.ask({ do: 'run' })));
    await this.#inject(schedule, servers);
    const startedAt = now();
    await this.#settle();
    const settledMs = now() - startedAt;
    await servers.report();
    const verdict = judge(await this.#publisherRecords(), await this.#observerRecords());
    const { crashes, logged } = servers;
    return { verdict, faults: this.#faults, rejections: this.#rejections, crashes, logged, settledMs };
  }

  async #startServers(): Promise<ServerFleet> {
    const { broker, break: kind, breakEvery } = this.#options;
    const { engine } = BROKERS[broker]!;
    if (engine !== null) this.#engine = await ProxiedEngine.start(engine);
    const heartbeatMs = this.#topology.silenceMs / 6;
    const message = {
      do: 'start',
      broker,
      options: this.#brokerOptions,
      break: kind,
      breakEvery,
      heartbeatMs,
    } as const;
    const tellPorts = (ports: readonly number[]) => {
      return Promise.all([...this.#clients, ...this.#publishers].map((helper) => helper.ask({ do: 'ports', ports })));
    };
    const startServer = BROKERS[broker]!.servers === 'workers' ? forkServer : spawnServer;
    this.#servers = new ServerFleet(this.#topology.servers, { message, startServer, onPorts: tellPorts });
    await this.#servers.start();
    return this.#servers;
  }

  get #brokerOptions(): Record<string, unknown> {
    const { broker, history: historyCount } = this.#options;
    return BROKERS[broker]!.options({ url: this.#engine?.url ?? '', folder: this.#folder, historyCount });
  }

  async #startClients(ports: readonly number[]): Promise<void> {
    const { seed, clients: count, channels } = this.#options;
    const wanted = Array.from({ length: count }, (_, client) => {
      const most = Math.min(MOST_CHANNELS_OF_A_CLIENT, channels);
      return { client, channels: this.#random.choose(1 + this.#random.below(most), channels) };
    });
    const [channelNames, { silenceMs }] = [this.#channelNames, this.#topology];
    for (let index = 0; index < CLIENT_PROCESSES; index++) {
      const clients = wanted.filter(({ client }) => client % CLIENT_PROCESSES === index);
      const finalPrefix = `${this.#lanes}/`;
      const helper = await Helper.startBundle(new URL('clients.ts', import.meta.url));
      this.#clients.push(helper);
      await helper.ask({ do: 'start', seed, ports, channelNames, clients, silenceMs, finalPrefix });
    }
  }

  get #settleMs(): number {
    return this.#options.settle * 1_000;
  }

  /** How many publishers there are, beside the one that ends the run. */
  get #lanes(): number {
    return PUBLISHER_PROCESSES * (BROKERS[this.#options.broker]!.servers === 'many' ? LANES.direct : LANES.posting);
  }

  async #startPublishers(ports: readonly number[]): Promise<void> {
    const { broker: name, seed } = this.#options;
    const [channelNames, count] = [this.#channelNames, this.#lanes];
    const rate = this.#options.rate / count;
    const broker = BROKERS[name]!.servers === 'many' ? { name, options: this.#brokerOptions } : null;
    for (let index = 0; index < PUBLISHER_PROCESSES; index++) {
      const all = Array.from({ length: count }, (_, publisher) => publisher);
      const publishers = all.filter((publisher) => publisher % PUBLISHER_PROCESSES === index);
      const helper = await Helper.startBundle(new URL('publisher.ts', import.meta.url));
      this.#publishers.push(helper);
      await helper.ask({ do: 'start', seed, publishers, channelNames, rate, broker, ports });
    }
  }

  /** Injects each fault at its time; what it takes to undo one goes on beside the others, and is over when this resolves. */
  async #inject(schedule: readonly Fault[], servers: ServerFleet): Promise<void> {
    const startedAt = now();
    const { signal } = this.#stopping;
    const until = (ms: number) => sleep(Math.max(0, startedAt + ms - now()), undefined, { signal });
    const failures: unknown[] = [];
    const under: Promise<void>[] = [];
    for (const fault of schedule) {
      await until(fault.at);
      const injected = this.#injectOne(fault, servers).then((isInjected) => {
        if (isInjected) this.#faults.set(fault.kind, (this.#faults.get(fault.kind) ?? 0) + 1);
      });
      under.push(injected.catch((thrown) => void failures.push(thrown)));
    }
    await until(this.#options.seconds * 1_000);
    await Promise.all(under);
    if (failures.length > 0) throw failures[0];
  }

  /** False: what it is about was down already. */
  async #injectOne(fault: Fault, servers: ServerFleet): Promise<boolean> {
    switch (fault.kind) {
      case 'cut': {
        const { share, absentMs } = fault;
        await Promise.all(this.#clients.map((helper) => helper.ask({ do: 'cut', share, absentMs })));
        return true;
      }
      case 'kill':
        return servers.kill(fault.server, fault.forMs);
      case 'pause':
        return servers.pause(fault.server, fault.forMs);
      case 'restart engine':
        return (await this.#engine?.restart(fault.forMs)) ?? false;
      case 'cut engine':
        this.#engine?.proxy.cut(fault.share, this.#random);
        return true;
      case 'stall engine':
        this.#engine?.proxy.stall();
        await sleep(fault.forMs);
        this.#engine?.proxy.flow();
        return true;
    }
  }

  /** All faults are over: every client comes back, and receives what is published then. The judge finds who has not. */
  async #settle(): Promise<void> {
    await Promise.all(this.#publishers.map((helper) => helper.ask({ do: 'finish', withinMs: this.#settleMs })));
    if (!(await this.#allClients({ do: 'connected' }))) return;
    // The second round shows what comes after the first: a repetition would.
    for (let round = 0; round < FINAL_ROUNDS; round++) {
      const message = { do: 'finals', publisher: this.#lanes, withinMs: this.#settleMs };
      const { finals } = await this.#publishers[0]!.ask<{ finals: string[] }>(message);
      if (!(await this.#allClients({ do: 'reach', finals }))) return;
    }
  }

  async #allClients(message: { do: string; finals?: readonly string[] }): Promise<boolean> {
    const asked = this.#clients.map((helper) => {
      return helper.ask<{ isReached: boolean }>({ ...message, withinMs: this.#settleMs });
    });
    return (await Promise.all(asked)).every(({ isReached }) => isReached);
  }

  async #publisherRecords(): Promise<PublisherRecord[]> {
    const records: PublisherRecord[] = [];
    for (const helper of this.#publishers) {
      const { publishers, rejections } = await helper.ask<PublishersRecord>({ do: 'record' });
      for (const { publisher, record } of publishers) records[publisher] = record;
      for (const [code, count] of rejections) this.#rejections.set(code, (this.#rejections.get(code) ?? 0) + count);
    }
    return records;
  }

  #observerRecords(): Promise<ObserverRecord[]> {
    return Promise.all(this.#clients.map((helper) => helper.ask<ObserverRecord>({ do: 'record' })));
  }
}
