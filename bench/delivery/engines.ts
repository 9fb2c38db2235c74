/** The engines that brokers stand on, with a proxy in front of each. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineName } from '../../scripts/services/engine.js';
import type { Service } from '../../scripts/services/service.js';
import { startService } from '../../scripts/services/start-service.js';
import { EngineProxy } from './engine-proxy.js';

/** What is not our own default: a kill must lose nothing that was acknowledged, and an unflushed write would be luck. */
const SETTINGS: Partial<Record<EngineName, Readonly<Record<string, unknown>>>> = {
  redis: { appendfsync: 'always' },
};

export class ProxiedEngine {
  readonly proxy: EngineProxy;
  readonly #service: Service;
  #isRestarting = false;

  private constructor(service: Service, proxy: EngineProxy) {
    this.#service = service;
    this.proxy = proxy;
  }

  static async start(name: EngineName): Promise<ProxiedEngine> {
    const settings = SETTINGS[name] ?? {};
    const service = await startService(name, { settings });
    return new ProxiedEngine(service, await EngineProxy.start(service.port));
  }

  /** Where brokers connect: at the proxy. */
  get url(): string {
    const url = new URL(this.#service.url);
    url.port = `${this.proxy.port}`;
    return url.href;
  }

  /** Kills it, and starts it again on the same port and with the same files after so long. False: it was down already. */
  async restart(forMs: number): Promise<boolean> {
    if (this.#isRestarting) return false;
    this.#isRestarting = true;
    await this.#service.kill();
    await sleep(forMs);
    await this.#service.restart();
    this.#isRestarting = false;
    return true;
  }

  async stop(): Promise<void> {
    await this.proxy.stop();
    await this.#service.stop();
  }
}
