import cluster from 'node:cluster';
import { isToWorker, type Report, type Request, type ToPrimary } from './messages.js';

/** What a worker's port tells one of its brokers. */
export interface PortListener {
  /** `head`: all up to this sequence has been told; null: there is more to come. */
  tell(reports: readonly Report[], head: number | null): void;
  /** The primary can be spoken to now: what was said before may not have been heard. */
  here(): void;
  /** The primary has gone, and does not come back. */
  gone(): void;
  /** Resolves when all that was asked before has been answered, or will never be. */
  settled(): Promise<void>;
}

let ofThisProcess: WorkerPort | null = null;

/** A worker's way to its primary, which all its brokers share. */
export class WorkerPort {
  readonly #listeners = new Map<number, PortListener>();
  #sessions = 0;
  readonly #onMessage = (message: unknown) => {
    if (!isToWorker(message)) return;
    if (message.tradewind === 'tell') this.#listeners.get(message.session)?.tell(message.reports, message.head);
    else for (const listener of this.#listeners.values()) listener.here();
  };
  readonly #onGone = () => {
    for (const listener of [...this.#listeners.values()]) listener.gone();
  };

  private constructor() {}

  /** The one of this process, which is a worker. */
  static ofProcess(): WorkerPort {
    ofThisProcess ??= new WorkerPort();
    return ofThisProcess;
  }

  /** Whether there is still a primary. */
  get isOpen(): boolean {
    return process.connected === true;
  }

  /** Returns the number of a new session. */
  open(listener: PortListener): number {
    // Only while it is needed: who listens keeps the process alive.
    if (this.#listeners.size === 0) process.on('message', this.#onMessage).on('disconnect', this.#onGone);
    this.#listeners.set(++this.#sessions, listener);
    return this.#sessions;
  }

  close(session: number): void {
    this.#listeners.delete(session);
    if (this.#listeners.size === 0) process.off('message', this.#onMessage).off('disconnect', this.#onGone);
  }

  /** Resolves when no broker of this process waits for an answer to what it was asked before. */
  async settled(): Promise<void> {
    await Promise.all(Array.from(this.#listeners.values(), (listener) => listener.settled()));
  }

  send(session: number, requests: readonly Request[]): void {
    const message: ToPrimary = { tradewind: 'ask', session, requests };
    // That the primary has gone comes as an event of its own.
    cluster.worker?.send(message, () => {});
  }
}
