import type { Hub } from './hub.js';
import { hasLocks, holdMember, whenGone } from './member-lock.js';
import type { Listener, Membership } from './membership.js';
import { type LinkMessage, randomName } from './messages.js';

/** What a page says to the worker. The first `want` joins, with a name that is not used again after `leave`. */
export type ToWorker =
  | { readonly kind: 'want'; readonly member: string; readonly channels: readonly string[]; readonly after: string }
  | { readonly kind: 'leave'; readonly member: string };

/**
 * What the worker says to a page. `hello` is the first, with the name that the worker holds as members do theirs; a `ping` is
 * answered by saying again what is wanted.
 */
export type FromWorker = LinkMessage | Hello | { readonly kind: 'ping' };

interface Hello {
  readonly kind: 'hello';
  readonly worker: string;
}

/** A worker that has answered. */
interface Reached {
  readonly port: MessagePort;
  readonly name: string;
}

/** A script that throws as a worker, since there is more than this in it, does not say so. */
const REACH_MS = 3_000;
/** A worker of another version has another name: it may not speak the same language. */
export const WORKER_NAME = 'tradewind/1 ';

/** Reaches the worker that pages with this hub share. Null where there is none, or the browser does not let us. */
export function connectWorker(hub: Hub): Promise<Reached | null> {
  return new Promise((resolve) => {
    try {
      // This same file. From another origin it cannot be a worker.
      const worker = new SharedWorker(import.meta.url, { type: 'module', name: WORKER_NAME + JSON.stringify(hub) });
      worker.onerror = () => resolve(null);
      setTimeout(() => resolve(null), REACH_MS);
      const { port } = worker;
      port.onmessage = ({ data }: MessageEvent<Hello>) => resolve({ port, name: data.worker });
    } catch {
      resolve(null);
    }
  });
}

/** The page's part in the worker's connection. */
export class WorkerMembership implements Membership {
  readonly #port: MessagePort;
  #after: string;
  readonly #member = randomName();
  readonly #held = holdMember(this.#member);
  #channels: readonly string[] = [];
  readonly #over = new AbortController();

  constructor({ port, name }: Reached, after: string, listener: Listener) {
    this.#port = port;
    this.#after = after;
    port.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === 'ping') this.#say();
      else if (data.kind !== 'hello') {
        this.#after = data.lastEventId || this.#after;
        listener.receive(data);
      }
    };
    // It may have run in the process of a tab that crashed.
    if (hasLocks) whenGone(name, this.#over.signal, () => listener.isLost());
  }

  want(channels: readonly string[]): void {
    this.#channels = channels;
    // Before the lock is held, the worker would take it for gone.
    void this.#held.then(() => this.#say());
  }

  leave(): void {
    this.#over.abort();
    this.#post({ kind: 'leave', member: this.#member });
    this.#port.close();
    void this.#held.then((release) => release());
  }

  #say(): void {
    if (this.#over.signal.aborted) return;
    this.#post({ kind: 'want', member: this.#member, channels: this.#channels, after: this.#after });
  }

  #post(message: ToWorker): void {
    this.#port.postMessage(message);
  }
}
