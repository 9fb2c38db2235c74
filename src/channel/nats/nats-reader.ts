/** Reading what a stream keeps, by consumers that live for one page. */

import { AckPolicy, type ConsumerConfig, DeliverPolicy, type StoredMsg } from '@nats-io/jetstream';
import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { clientClock } from '../../clock.js';
import type { NatsStream } from './nats-stream.js';

const TIMEOUT_MS = 10_000;
/** The server drops a consumer that was left behind. */
const INACTIVE_NANOS = 30_000_000_000;
/** What a page holds at most, unless one event is larger. */
const PAGE_BYTES = 4 * 1024 * 1024;
const OVERHEAD_BYTES = 64 * 1024;
/** How often the place of the newest messages is looked for. What is found then is a few more or less. */
const MAX_PROBES = 24;
/** How often, and after which pause, a replica is asked again that has not caught up. */
const MAX_ATTEMPTS = 50;
const AGAIN_MS = 100;

/** A message of the stream, with its place. */
export interface Kept {
  readonly sequence: number;
  readonly msg: Msg;
}

/** Messages of one or more subjects, oldest first. */
export interface KeptPage {
  readonly messages: readonly Kept[];
  /** How many there were after the place where it begins. */
  readonly count: number;
  /** Where it begins. */
  readonly after: number;
  /** There are no more. */
  readonly isWhole: boolean;
}

export class NatsReader {
  readonly #nc: NatsConnection;
  readonly #stream: NatsStream;
  readonly #inboxPrefix: string | undefined;
  readonly #api: string;

  constructor(nc: NatsConnection, stream: NatsStream, { inboxPrefix, domain }: NatsNames) {
    this.#nc = nc;
    this.#stream = stream;
    this.#inboxPrefix = inboxPrefix;
    this.#api = domain === undefined ? '$JS.API' : `$JS.${domain}.API`;
  }

  /** Reads the oldest messages after a sequence. */
  async after(filter: string, after: number, limit: number, isHeadersOnly = false): Promise<KeptPage> {
    return this.#catchUp(filter, () =>
      this.#use(filter, after, isHeadersOnly, (name, count) => this.#fetch(name, { count, after, limit })),
    );
  }

  /** Reads the newest messages, as many as `limit` allows or a few less. */
  async newest(filter: string, limit: number, last: number): Promise<KeptPage> {
    const all = await this.#catchUp(filter, () =>
      this.#use(filter, 0, false, async (name, count) =>
        count <= limit ? this.#fetch(name, { count, after: 0, limit }) : null,
      ),
    );
    const page = all ?? (await this.after(filter, await this.#placeOf(filter, limit, last), limit));
    return page.isWhole ? page : this.#end(filter, page, limit);
  }

  /** Reads on to the end, and keeps of it what a page may hold. */
  async #end(filter: string, page: KeptPage, limit: number): Promise<KeptPage> {
    let { after, messages, isWhole } = page;
    while (!isWhole) {
      const next = await this.after(filter, messages.at(-1)?.sequence ?? after, limit);
      messages = [...messages, ...next.messages];
      ({ isWhole } = next);
      for (let bytes = 0, index = messages.length - 1; index >= 0; index--) {
        bytes += messages[index]!.msg.data.length;
        if (bytes <= PAGE_BYTES) continue;
        after = messages[index]!.sequence;
        messages = messages.slice(index + 1);
        break;
      }
    }
    return { messages, after, isWhole, count: messages.length };
  }

  /** After which sequence there are so many messages, or a few less. */
  async #placeOf(filter: string, limit: number, last: number): Promise<number> {
    let [tooFar, near] = [0, last];
    for (let probe = 0; probe < MAX_PROBES && near - tooFar > 1; probe++) {
      const middle = Math.floor((tooFar + near) / 2);
      const count = await this.#use(filter, middle, true, async (_, pending) => pending);
      if (count > limit) tooFar = middle;
      else near = middle;
      if (count <= limit && count > limit / 2) break;
    }
    return near;
  }

  /** The first message of a subject at, or after, a sequence. */
  async first(subject: string, sequence: number): Promise<StoredMsg | null> {
    const { api, name, isReplicated } = this.#stream;
    const query = { seq: sequence, next_by_subj: subject };
    // Any of the replicas answers the second.
    return isReplicated ? api.streams.getMessage(name, query) : api.direct.getMessage(name, query);
  }

  /**
   * Reads, and once more if that was from a replica which has not caught up: a consumer lives on any of them, and delivers what
   * is there. Who leads knows what there has to be.
   */
  async #catchUp<Read extends KeptPage | null>(filter: string, read: () => Promise<Read>): Promise<Read> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const [last, page] = await Promise.all([this.#lastOf(filter), read()]);
      if (page === null || !page.isWhole || (page.messages.at(-1)?.sequence ?? page.after) >= last) return page;
      await new Promise((resolve) => clientClock.setTimeout(() => resolve(null), AGAIN_MS));
    }
    throw new Error('a replica of the stream has not caught up');
  }

  async #lastOf(filter: string): Promise<number> {
    const { api, name, isReplicated } = this.#stream;
    if (!isReplicated) return 0;
    return (await api.streams.getMessage(name, { last_by_subj: filter }))?.seq ?? 0;
  }

  async #use<Result>(
    filter: string,
    after: number,
    isHeadersOnly: boolean,
    use: (name: string, count: number) => Promise<Result>,
  ): Promise<Result> {
    const { consumers } = this.#stream.api;
    const config: Partial<ConsumerConfig> = {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: after + 1,
      filter_subject: filter,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: INACTIVE_NANOS,
      ...(isHeadersOnly && { headers_only: true }),
    };
    const { name, num_pending: count } = await consumers.add(this.#stream.name, config);
    try {
      return await use(name, count);
    } finally {
      // Nobody waits for that; if it does not succeed, the server drops it by itself.
      consumers.delete(this.#stream.name, name).catch(() => {});
    }
  }

  #fetch(
    consumer: string,
    { count, after, limit }: { count: number; after: number; limit: number },
  ): Promise<KeptPage> {
    const batch = Math.min(count, limit);
    const messages: Kept[] = [];
    if (batch === 0) return Promise.resolve({ messages, count, after, isWhole: true });
    return new Promise((resolve, reject) => {
      const inbox = createInbox(this.#inboxPrefix);
      const end = (isWhole: boolean): void => {
        clearTimeout(timer);
        subscription.unsubscribe();
        resolve({ messages, count, after, isWhole });
      };
      const fail = (fault: Error): void => {
        clearTimeout(timer);
        subscription.unsubscribe();
        reject(fault);
      };
      const timer = setTimeout(() => fail(new Error(`no history within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
      const subscription = this.#nc.subscribe(inbox, {
        callback: (error, msg) => {
          if (error !== null) return fail(error);
          const code = msg.headers?.code ?? 0;
          if (code === 404 || code === 408) return end(true);
          if (code === 409 && messages.length > 0) return end(false);
          if (code >= 400) return fail(new Error(`${code} ${msg.headers?.description}`));
          messages.push({ sequence: sequenceOf(msg), msg });
          if (messages.length === batch) end(batch === count);
        },
      });
      // Whoever waits is told when the connection ends, too.
      subscription.closed.then(() => fail(new Error('the connection was closed')));
      const { max_payload: largest = 0 } = this.#nc.info ?? {};
      const request = { batch, no_wait: true, max_bytes: Math.max(PAGE_BYTES, largest + OVERHEAD_BYTES) };
      const subject = `${this.#api}.CONSUMER.MSG.NEXT.${this.#stream.name}.${consumer}`;
      this.#nc.publish(subject, JSON.stringify(request), { reply: inbox });
    });
  }
}

/** How this process, and JetStream, are called where several are told apart. */
export interface NatsNames {
  readonly inboxPrefix: string | undefined;
  readonly domain: string | undefined;
}

/** `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.…`; with a domain and an account before the stream, since 2.10 or so. */
function sequenceOf({ reply = '' }: Msg): number {
  const tokens = reply.split('.');
  return Number(tokens[tokens.length >= 12 ? 7 : 5]);
}
