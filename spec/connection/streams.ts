import type { ExecutionContext } from 'ava';
import { readKernelQueues } from '../../src/connection/kernel-queue.js';
import { type CloseReason, EventSourceHandler } from '../../src/index.js';
import type { FakeClock } from '../../src/testing/index.js';
import { turns } from '../support/raw-socket.js';
import type { RecordingLogger } from '../support/recording-logger.js';
import { deferred } from '../support/serve.js';

/** A handler that its spec writes to from outside. */
export class Stream extends EventSourceHandler {
  readonly #closed = deferred<CloseReason>();

  /** Why it ended. */
  get closed(): Promise<CloseReason> {
    return this.#closed.promise;
  }

  override close(reason: CloseReason): void {
    this.#closed.resolve(reason);
  }
}

/** A handler class of one spec's own, and its handlers in the order in which they were opened. */
export function streams(): { Handler: new () => Stream; next: () => Promise<Stream>; count: () => number } {
  const opened: Stream[] = [];
  const waiting: ((stream: Stream) => void)[] = [];
  let taken = 0;
  class Handler extends Stream {
    override open() {
      opened.push(this);
      const resolve = waiting.shift();
      if (resolve !== undefined) {
        taken++;
        resolve(this);
      }
    }
  }
  const next = async () => {
    const stream = opened[taken];
    if (stream === undefined) return new Promise<Stream>((resolve) => waiting.push(resolve));
    taken++;
    return stream;
  };
  return { Handler, next, count: () => opened.length };
}

/**
 * More than a kernel takes for a client that does not read: 4 MiB to send and 6 MiB to receive, at Linux's defaults. Less
 * than `EventStreamParser` takes for one event.
 */
export const MORE_THAN_SOCKETS_TAKE = 12 * 1024 * 1024;

/** Whether a promise has settled already: asked after the microtasks that were queued before. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  for (let microtask = 0; microtask < 3; microtask++) await null;
  return settled;
}

/** Waits until the kernel has been asked about the streams that may have stalled, and they have been judged. */
export async function judged(): Promise<void> {
  // Ours is queued behind the one that is under way, in the same pool of threads.
  for (let reading = 0; reading < 2; reading++) await readKernelQueues();
  await turns();
}

/** Moves the clock on, second by second, until something has happened or it never will. */
export async function advanceUntil(clock: FakeClock, hasHappened: () => boolean): Promise<void> {
  for (let second = 0; second < 120 && !hasHappened(); second++) {
    clock.advance(1_000);
    await judged();
  }
}

/** Expects the one report of a slow consumer that was cut off. */
export function takeCutOff(t: ExecutionContext, logger: RecordingLogger): void {
  t.deepEqual(
    logger.take().map(({ level, message }) => [level, message]),
    [['warn', 'slow consumer cut off']],
  );
}
