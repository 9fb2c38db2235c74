/** What the clients of a process see, kept so that millions of deliveries fit. */

import { type ClientRecord, type Moment, now, type ObservedEvent, type ObserverRecord } from './records.js';

/** The log of one client. */
export class ClientLog {
  readonly client: number;
  readonly channels: readonly number[];
  #entries = new Int32Array(64);
  #length = 0;

  constructor(client: number, channels: readonly number[]) {
    this.client = client;
    this.channels = channels;
  }

  push(entry: number): void {
    if (this.#length === this.#entries.length) {
      const longer = new Int32Array(2 * this.#length);
      longer.set(this.#entries);
      this.#entries = longer;
    }
    this.#entries[this.#length++] = entry;
  }

  record(isConnected: boolean): ClientRecord {
    return {
      client: this.client,
      channels: this.channels,
      log: this.#entries.slice(0, this.#length),
      isConnected,
    };
  }
}

/** What the clients of one process have seen: each event is kept once, however many of them received it. */
export class SharedLog {
  readonly #events: ObservedEvent[] = [];
  readonly #moments: Moment[] = [];
  readonly #indexOf = new Map<string, number>();

  sawEvent(log: ClientLog, id: string, data: string): void {
    const key = `${id}\n${data}`;
    let index = this.#indexOf.get(key);
    if (index === undefined) {
      index = this.#events.push({ id, data }) - 1;
      this.#indexOf.set(key, index);
    }
    log.push(index);
  }

  sawMoment(log: ClientLog, kind: Moment['kind'], text: string): void {
    log.push(~(this.#moments.push({ at: now(), kind, text }) - 1));
  }

  record(clients: readonly ClientRecord[]): ObserverRecord {
    return { events: this.#events, moments: this.#moments, clients };
  }
}
