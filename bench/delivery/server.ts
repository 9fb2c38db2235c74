/** The role of a server: streams that follow channels, and a route to publish on. It is killed and paused without notice. */

import { BrokerError, EventSourceHandler, type Logger, RequestHandler, Router } from 'tradewind';
import { play } from '../support/role.js';
import { type Break, BreakingBroker } from './breaking-broker.js';
import { makeBroker } from './brokers.js';

export interface StartServer {
  readonly do: 'start';
  readonly broker: string;
  readonly options: Record<string, unknown>;
  readonly break: Break | null;
  readonly breakEvery: number;
  readonly heartbeatMs: number;
}

class StreamHandler extends EventSourceHandler {
  override async open() {
    const { resumed } = await this.subscribe(this.query.getAll('channel'));
    void this.writeMessage('subscribed', resumed);
  }
}

class PublishHandler extends RequestHandler {
  override async post() {
    const { channel, data } = await this.json<{ channel: string; data: string }>();
    try {
      this.finish({ id: await this.broker.publish(channel, 'tick', data) });
    } catch (thrown) {
      if (!(thrown instanceof BrokerError)) throw thrown;
      this.setStatus(503);
      this.finish({ code: thrown.code });
    }
  }
}

/** What was logged, by how often: with the engine away there is a line for each client and attempt. */
const logged = new Map<string, number>();

function log(details: object, message: string): void {
  const { err } = details as { err?: Error & { code?: string } };
  const line = `${message}: ${err?.code ?? ''} ${err?.message ?? ''}`;
  logged.set(line, (logged.get(line) ?? 0) + 1);
}

const logger: Logger = { error: log, warn: log };

play({
  async start({ broker: name, options, break: kind, breakEvery, heartbeatMs }: StartServer) {
    const made = await makeBroker(name, options);
    const broker = kind === null ? made : new BreakingBroker(made, kind, breakEvery);
    const router = new Router({ broker, heartbeatMs, logger });
    router.mount('/stream', StreamHandler).mount('/publish', PublishHandler);
    const { port } = await router.listen();
    return { port };
  },
  report: () => ({ logged: [...logged] }),
});
