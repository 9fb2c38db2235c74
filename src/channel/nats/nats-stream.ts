/** The stream of JetStream that keeps the events of all channels. */

import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { clientClock, LONGEST_TIMER_MS, systemClock, type Timer } from '../../clock.js';
import { refusedError } from '../broker-errors.js';

const TIMEOUT_MS = 5_000;
const NANOS_PER_MS = 1_000_000;
/** JetStream keeps nothing for less. */
const MIN_AGE_MS = 100;
/** The server's own default, which must not be above the age. */
const DUPLICATES_MS = 2 * 60_000;
/** How many anchors a history has at any time: its beginning is known as exactly as that. */
const ANCHORS = 8;
/** How often, and after which pause, a stream is looked at again that seems to have gone back. */
const CATCH_UP_ATTEMPTS = 20;
const CATCH_UP_MS = 500;
/** How soon a stream is looked at again that is being made. */
const SETTLE_MS = 10;

export interface NatsStreamOptions {
  readonly stream: string;
  readonly prefix: string;
  readonly replicas: number;
  readonly historyCount: number;
  readonly historyMs: number;
  readonly domain: string | undefined;
}

/** How far a history is known to have come. */
export interface Progress {
  readonly epoch: string;
  readonly sequence: number;
}

/**
 * A stream that takes `<prefix>.event.>`, and publishes what it has kept once more, numbered, on `<prefix>.live.event.>`.
 *
 * It keeps one event of each channel more than was asked for. That one is not delivered; it is the witness of what was
 * evicted last: who has seen it has lost nothing.
 */
export class NatsStream {
  readonly api: JetStreamManager;
  readonly name: string;
  readonly prefix: string;
  readonly epoch: string;
  /** Of each channel; Infinity: no limit. */
  readonly historyCount: number;
  /** Of one message; Infinity: as many as the server takes. */
  readonly maxBytes: number;
  /** When it was opened. */
  readonly lastSequence: number;
  /** Several servers keep it: only the one that leads is sure to have all of it. */
  readonly isReplicated: boolean;
  readonly #nc: NatsConnection;
  readonly #slotMs: number;
  #anchoring: Timer | null = null;

  private constructor(
    nc: NatsConnection,
    api: JetStreamManager,
    prefix: string,
    { config, created, state }: StreamInfo,
  ) {
    this.#nc = nc;
    this.api = api;
    this.name = config.name;
    this.prefix = prefix;
    this.epoch = epochOf({ config, created });
    this.historyCount = config.max_msgs_per_subject > 0 ? config.max_msgs_per_subject - 1 : Infinity;
    this.maxBytes = config.max_msg_size > 0 ? config.max_msg_size : Infinity;
    this.lastSequence = state.last_seq;
    this.isReplicated = config.num_replicas > 1;
    this.#slotMs = Math.max(config.max_age / NANOS_PER_MS / ANCHORS, MIN_AGE_MS);
    void this.#anchor(config.max_age > 0);
  }

  /**
   * Opens the stream, which is made if it is not there, and changed if it is ours and differs.
   *
   * @param progress - as far as it came when it was open last: if it has gone back, it is another history.
   */
  static async open(nc: NatsConnection, options: NatsStreamOptions, progress: Progress | null): Promise<NatsStream> {
    const api = await jetstreamManager(nc, {
      checkAPI: false,
      timeout: TIMEOUT_MS,
      ...(options.domain !== undefined && { domain: options.domain }),
    });
    const wanted = configOf(options);
    const found = (await find(api, options.stream)) ?? (await create(api, wanted));
    const info = await adapt(api, found, wanted, progress);
    return new NatsStream(nc, api, options.prefix, info);
  }

  /** What it holds now; with a filter, how many messages of each subject as well. */
  async info(subjectsFilter?: string): Promise<StreamInfo> {
    return this.api.streams.info(
      this.name,
      subjectsFilter === undefined ? undefined : { subjects_filter: subjectsFilter },
    );
  }

  close(): void {
    this.#anchoring?.cancel();
  }

  /**
   * Publishes a message that no channel has, once in a while, whichever process comes first. Without it the oldest message goes
   * whenever a noisy channel evicts its own, and nothing would say that all of the quiet ones is there yet.
   */
  async #anchor(hasAge: boolean): Promise<void> {
    const slot = hasAge ? Math.floor(Date.now() / this.#slotMs) : 0;
    const subject = `${this.prefix}.anchor.${slot}`;
    if (hasAge) {
      const restMs = (slot + 1) * this.#slotMs - Date.now();
      this.#anchoring = systemClock.setTimeout(() => void this.#anchor(true), Math.min(restMs, LONGEST_TIMER_MS));
    }
    try {
      // Asked for first: replicas of nats-server 2.9 may drift apart where a publish is refused for what it expects.
      const there = await this.api.streams.getMessage(this.name, { last_by_subj: subject });
      if (there === null) await this.#nc.request(subject, '', { timeout: TIMEOUT_MS });
    } catch {
      // Without it a gap may be told that is none; the next one will do.
    }
  }
}

/** Names the history of a stream: when it was made, and which it is of those that it has had since. */
export function epochOf({ config, created }: Pick<StreamInfo, 'config' | 'created'>): string {
  const history = historyOf(config.description);
  return `${Date.parse(created).toString(36).padStart(8, '0')}${history === 1 ? '' : history.toString(36)}`;
}

function configOf({ stream, prefix, replicas, historyCount, historyMs }: NatsStreamOptions): StreamConfig {
  const ageMs = Number.isFinite(historyMs) ? Math.max(Math.ceil(historyMs), MIN_AGE_MS) : 0;
  const duplicatesMs = ageMs === 0 ? DUPLICATES_MS : Math.min(ageMs, DUPLICATES_MS);
  return {
    name: stream,
    description: descriptionOf(1),
    subjects: [`${prefix}.event.>`, `${prefix}.anchor.*`],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    num_replicas: replicas,
    max_msgs_per_subject: Number.isFinite(historyCount) ? Math.floor(historyCount) + 1 : -1,
    max_age: ageMs * NANOS_PER_MS,
    duplicate_window: duplicatesMs * NANOS_PER_MS,
    allow_direct: true,
    republish: { src: `${prefix}.>`, dest: `${prefix}.live.>` },
  } as StreamConfig;
}

/**
 * Looks for a stream, and waits until it can be used if another process is just making it: nats-server tells of a stream
 * before that has a time and a store, and ends with a panic when it is asked for a message of it then (seen with 2.9.10).
 */
async function find(api: JetStreamManager, name: string): Promise<StreamInfo | null> {
  try {
    for (let waitedMs = 0; waitedMs < TIMEOUT_MS; waitedMs += SETTLE_MS) {
      const info = await api.streams.info(name);
      if (isMade(info)) return info;
      await pause(SETTLE_MS);
    }
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError && thrown.code === JetStreamApiCodes.StreamNotFound) return null;
    throw thrown;
  }
  throw new Error(`the stream ${name} was still being made after ${TIMEOUT_MS} ms`);
}

/** Without a time it was made in the year 1. */
function isMade({ created }: StreamInfo): boolean {
  return Date.parse(created) > 0;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void clientClock.setTimeout(() => resolve(), ms));
}

async function create(api: JetStreamManager, wanted: StreamConfig): Promise<StreamInfo> {
  let fault: unknown = new Error(`the stream ${wanted.name} was made, and is not there`);
  try {
    await api.streams.add(wanted);
  } catch (thrown) {
    // Another process may have been faster, with other limits.
    fault = thrown;
  }
  // Not what `add` answers: of two that make it at once, both must have it by the same name.
  const found = await find(api, wanted.name);
  if (found === null) throw fault;
  return found;
}

/** Has a stream that we made do what is wanted of it; one that somebody else made is taken as it is, if it can be. */
async function adapt(
  api: JetStreamManager,
  info: StreamInfo,
  wanted: StreamConfig,
  progress: Progress | null,
): Promise<StreamInfo> {
  const { config } = info;
  const history = historyOf(config.description);
  const hasGoneBack = await isBehind(api, info, progress);
  const description = descriptionOf(hasGoneBack ? history + 1 : history);
  const changed = { ...config, ...wanted, description, storage: config.storage };
  if (history > 0 && differs(config, changed)) return api.streams.update(config.name, changed);
  const lacks = (['subjects', 'republish', 'allow_direct', 'retention', 'discard'] as const).filter(
    (key) => JSON.stringify(config[key]) !== JSON.stringify(wanted[key]),
  );
  if (lacks.length === 0) return info;
  const needed = lacks.map((key) => `${key} ${JSON.stringify(wanted[key])}`).join(', ');
  throw refusedError('stream', new Error(`${config.name} is another's, and needs ${needed}`));
}

/** Whether a stream is not as far as it was. One that begins to lead its replicas may need a moment to be there again. */
async function isBehind(api: JetStreamManager, info: StreamInfo, progress: Progress | null): Promise<boolean> {
  if (progress?.epoch !== epochOf(info)) return false;
  const attempts = info.config.num_replicas > 1 ? CATCH_UP_ATTEMPTS : 1;
  for (let { state } = info, attempt = 1; state.last_seq < progress.sequence; attempt++) {
    if (attempt === attempts) return true;
    await pause(CATCH_UP_MS);
    ({ state } = await api.streams.info(info.config.name));
  }
  return false;
}

function differs(config: StreamConfig, changed: StreamConfig): boolean {
  return (Object.keys(changed) as (keyof StreamConfig)[]).some(
    (key) => JSON.stringify(config[key]) !== JSON.stringify(changed[key]),
  );
}

const DESCRIPTION = 'Events of Tradewind, history ';

function descriptionOf(history: number): string {
  return `${DESCRIPTION}${history}`;
}

/** 0: the stream is not ours. */
function historyOf(description: string | undefined): number {
  if (!description?.startsWith(DESCRIPTION)) return 0;
  return Number.parseInt(description.slice(DESCRIPTION.length), 10) || 1;
}
