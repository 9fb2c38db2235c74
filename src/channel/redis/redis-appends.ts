import { setImmediate } from 'node:timers';
import { notKeptError, unavailableError } from '../broker-errors.js';
import { appendError, isElsewhere, isScriptMissing } from './redis-errors.js';

/** What one call of the script takes. */
const MAX_COUNT = 512;
const MAX_LENGTH = 1024 * 1024;

/** An event that waits to be kept. */
interface Append {
  readonly channel: string;
  readonly record: string;
  readonly resolve: (sequence: number) => void;
  readonly reject: (thrown: unknown) => void;
}

/** What a {@link RedisAppends} asks of its connection. */
export interface RedisAppendsContext {
  /** Calls the script with these events: channel, record, channel, record, … */
  call(events: readonly string[]): Promise<unknown>;
  /** Gives the script to Redis. */
  load(): Promise<unknown>;
  /** The history is another one than it was. */
  onReplaced(): void;
  /** Events can be kept by another server only. */
  onElsewhere(reason: unknown): void;
}

/**
 * The events that are being published on one connection. What is published in one turn of the event loop goes as one call,
 * and calls are not waited for: events are numbered in the order in which they came here.
 */
export class RedisAppends {
  readonly #context: RedisAppendsContext;
  #waiting: Append[] = [];
  #isFlushing = false;
  /** How many are on their way. */
  #calls = 0;
  /** Calls that found no script, in their order. They were not done. */
  #missed: Append[][] = [];
  #isLoading = false;

  constructor(context: RedisAppendsContext) {
    this.#context = context;
  }

  /** Keeps an event; resolves with its sequence. */
  add(channel: string, record: string): Promise<number> {
    // Hot path: bench/brokers, case "redis publish".
    return new Promise((resolve, reject) => {
      this.#waiting.push({ channel, record, resolve, reject });
      if (this.#isFlushing) return;
      this.#isFlushing = true;
      // Who publishes one event after the other does not wait for the turn's end; the client waits for it already.
      if (this.#calls === 0) queueMicrotask(this.#sendAll);
      else setImmediate(this.#sendAll);
    });
  }

  /** The connection has gone: what it was not yet asked for rejects. */
  close(reason: unknown): void {
    const waiting = [...this.#missed.flat(), ...this.#waiting];
    this.#missed = [];
    this.#waiting = [];
    for (const { reject } of waiting) reject(unavailableError(reason));
  }

  readonly #sendAll = (): void => {
    this.#isFlushing = false;
    // What is waited for comes first.
    if (this.#isLoading) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    let batch: Append[] = [];
    let length = 0;
    for (const append of waiting) {
      if (batch.length === MAX_COUNT || (length > 0 && length + append.record.length > MAX_LENGTH)) {
        void this.#send(batch);
        batch = [];
        length = 0;
      }
      batch.push(append);
      length += append.record.length;
    }
    if (batch.length > 0) void this.#send(batch);
  };

  async #send(batch: Append[]): Promise<void> {
    const events: string[] = [];
    for (const { channel, record } of batch) events.push(channel, record);
    this.#calls++;
    try {
      this.#settle(batch, await this.#context.call(events));
    } catch (thrown) {
      if (isScriptMissing(thrown)) {
        this.#missed.push(batch);
        if (!this.#isLoading) void this.#load();
        return;
      }
      if (isElsewhere(thrown)) this.#context.onElsewhere(thrown);
      const error = appendError(thrown);
      for (const { reject } of batch) reject(error);
    } finally {
      this.#calls--;
    }
  }

  #settle(batch: readonly Append[], reply: unknown): void {
    if (reply === null) {
      const reason = new Error('The history was replaced');
      this.#context.onReplaced();
      for (const { reject } of batch) reject(unavailableError(reason));
      return;
    }
    const [first, ...failures] = reply as string[];
    // Somebody else gave Redis the script before those that missed it could go again: they would come too late.
    for (const { reject } of this.#missed.splice(0).flat())
      reject(unavailableError(new Error('The script was flushed')));
    for (let index = 0; index < failures.length; index += 2)
      batch[Number(failures[index])]!.reject(notKeptError(new Error(failures[index + 1])));
    const sequence = Number(first);
    for (const [index, { resolve }] of batch.entries()) resolve(sequence + index);
  }

  /** All calls that are on their way miss the script as well, until it is there; they go again in the order that they had. */
  async #load(): Promise<void> {
    this.#isLoading = true;
    try {
      await this.#context.load();
    } catch (thrown) {
      for (const { reject } of this.#missed.splice(0).flat()) reject(unavailableError(thrown));
    }
    this.#isLoading = false;
    for (const batch of this.#missed.splice(0)) void this.#send(batch);
    this.#sendAll();
  }
}
