/** The server of the soak: handlers that are in the midst of everything when their clients leave, and books kept of it all. */

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type Clock, type CloseReason, EventSourceHandler, MemoryBroker, Router, type Server } from 'tradewind';

const faults: string[] = [];
const reasons: Record<string, number> = {};
const opened = new WeakSet<object>();
const closed = new WeakSet<object>();
let opens = 0;
let closes = 0;
let finishes = 0;
let initialized = 0;
let timers = 0;
let subscriptions = 0;
let deliveries = 0;

/** Time as it is, but counted: a timer that is not cancelled shows. */
const clock: Clock = {
  now: () => performance.now(),
  random: Math.random,
  setTimeout(callback, ms) {
    let isPending = true;
    const settle = () => {
      if (isPending) timers--;
      isPending = false;
    };
    timers++;
    const timeout = setTimeout(() => {
      settle();
      callback();
    }, ms).unref();
    return {
      cancel() {
        settle();
        clearTimeout(timeout);
      },
    };
  },
};

class CountingBroker extends MemoryBroker {
  override async subscribe(...[channels, subscriber, after]: Parameters<MemoryBroker['subscribe']>) {
    const counting = {
      deliver(...delivered: Parameters<typeof subscriber.deliver>) {
        deliveries++;
        return subscriber.deliver(...delivered);
      },
      gap: (gap: Parameters<typeof subscriber.gap>[0]) => subscriber.gap(gap),
    };
    const subscription = await super.subscribe(channels, counting, after);
    subscriptions++;
    let isSubscribed = true;
    return {
      resumed: subscription.resumed,
      add: (added: readonly string[], from?: string | null) => subscription.add(added, from),
      unsubscribe() {
        if (isSubscribed) subscriptions--;
        isSubscribed = false;
        subscription.unsubscribe();
      },
    };
  }
}

/** Counts that `close` comes exactly once, iff `open` was called. */
class Counted extends EventSourceHandler {
  override initialize(_options: object) {
    initialized++;
  }

  override open(): unknown {
    if (opened.has(this)) faults.push('open() was called twice');
    opened.add(this);
    opens++;
    return this.run();
  }

  override close(reason: CloseReason) {
    if (!opened.has(this)) faults.push('close() was called without open()');
    if (closed.has(this)) faults.push('close() was called twice');
    closed.add(this);
    closes++;
    reasons[reason.kind] = (reasons[reason.kind] ?? 0) + 1;
  }

  override onFinish() {
    finishes++;
  }

  protected run(): unknown {
    return undefined;
  }
}

class Idle extends Counted {}

class SlowCheck extends Counted {
  override async checkConnection() {
    await sleep(Math.random() * 50);
    return Math.random() < 0.8;
  }
}

class SlowOpen extends Counted {
  protected override async run() {
    void this.writeMessage('hello', 'there');
    await sleep(Math.random() * 100, undefined, { signal: this.signal });
    await this.writeMessage('hello', 'again');
  }
}

class Flood extends Counted {
  protected override async run() {
    while (await this.writeMessage('tick', FILLER)) await nextTurn();
  }
}

class Streaming extends Counted {
  protected override run() {
    return this.stream(this.ticks(), { event: 'tick' });
  }

  private async *ticks() {
    for (let count = 0; ; count++) {
      yield { count };
      await sleep(5, undefined, { signal: this.signal });
    }
  }
}

class Subscribed extends Counted {
  protected override async run() {
    await this.subscribe(['news', `news/${Math.floor(Math.random() * 50)}`]);
  }
}

class Ending extends Counted {
  protected override async run() {
    await sleep(Math.random() * 50);
    void this.writeMessage('bye', 'bye');
    this.end();
  }
}

const FILLER = 'x'.repeat(16 * 1024);
const handlers: Record<string, typeof Counted> = {
  idle: Idle,
  check: SlowCheck,
  open: SlowOpen,
  flood: Flood,
  stream: Streaming,
  news: Subscribed,
  end: Ending,
};

const broker = new CountingBroker({ historyCount: 5, clock });
const logger = {
  error: (details: object, message: string) =>
    void faults.push(`${message}: ${(details as { err?: Error }).err?.stack}`),
  warn: () => {},
};
const router = new Router({ broker, clock, logger, heartbeatMs: 200, stallMs: 1_000 });
for (const [mode, Handler] of Object.entries(handlers)) router.mount(`/${mode}`, Handler);
let server: Server;
let publishing: NodeJS.Timeout | undefined;

process.on('warning', (warning) => faults.push(`warning: ${warning.message}`));
process.on('unhandledRejection', (thrown) => faults.push(`unhandled: ${(thrown as Error)?.stack ?? thrown}`));

process.on('message', async (message: { do: 'start' | 'publish' | 'settle' | 'stop' | 'snapshot'; file: string }) => {
  switch (message.do) {
    case 'start':
      server = await router.listen();
      process.send?.({ port: server.port, modes: Object.keys(handlers) });
      return;
    case 'publish':
      publishing = setInterval(() => {
        void broker.publish(
          'news',
          'news',
          { at: Date.now() },
          Math.random() < 0.1 ? { id: `own-${Math.random()}` } : {},
        );
        void broker.publish(`news/${Math.floor(Math.random() * 50)}`, 'news', 'of one channel');
      }, 5);
      process.send?.({});
      return;
    case 'settle':
      clearInterval(publishing);
      process.send?.(await settled());
      return;
    case 'snapshot': {
      const { writeHeapSnapshot } = await import('node:v8');
      process.send?.({ file: writeHeapSnapshot(message.file) });
      return;
    }
    case 'stop':
      await server.close();
      await sleep(100);
      process.send?.({ resources: process.getActiveResourcesInfo(), faults });
      return;
  }
});
process.on('disconnect', () => process.exit());
process.send?.({ ready: true });

/** Clients that left before they were accepted come out of the backlog one by one. */
function hasSockets(): boolean {
  return process.getActiveResourcesInfo().includes('TCPSocketWrap');
}

/** All clients have left. Gives the server a moment to notice, and tells what it still holds. */
async function settled(): Promise<object> {
  const until = performance.now() + 15_000;
  const isBusy = () => router.connections > 0 || finishes < initialized || hasSockets();
  while (performance.now() < until && isBusy()) await sleep(20);
  // Hooks that were asleep when their client left.
  await sleep(200);
  const before = deliveries;
  await broker.publish('news', 'news', 'to nobody');
  for (let channel = 0; channel < 50; channel++) await broker.publish(`news/${channel}`, 'news', 'to nobody');
  const strays = deliveries - before;
  for (let times = 0; times < 5; times++) {
    (globalThis as { gc?: () => void }).gc?.();
    await sleep(50);
  }
  const { heapUsed, rss } = process.memoryUsage();
  const { connections } = router;
  const resources = process.getActiveResourcesInfo();
  return {
    connections,
    opens,
    closes,
    initialized,
    finishes,
    timers,
    subscriptions,
    strays,
    deliveries: before,
    reasons,
    resources,
    heapUsed,
    rss,
  };
}
