/** How the hubs of one broker ask each other. */

import { randomUUID } from 'node:crypto';
import type { Gap, SignalBroker, Subscriber, Subscription } from '../../channel/broker.js';
import type { Clock, Timer } from '../../clock.js';
import { HttpError } from '../../errors.js';
import { parseEvents } from '../../event-stream/event-stream-decoder.js';
import type { Frame } from '../../event-stream/frame.js';
import { NODES_CHANNEL, NODES_TYPE } from '../updates/hub-channels.js';

/** How long a hub may be silent while it owes an answer. */
const PATIENCE_MS = 3_000;
/** How long after its start a hub may not know of all others. */
const JOINING_MS = 500;
/** How often a hub says that it is there, and after how long without that it is not. */
const BEAT_MS = 10_000;
const FORGET_MS = 35_000;
/** How much JSON goes in one signal: engines limit what a message may have. */
const PART_LENGTH = 32 * 1024;
/** A question costs every hub something, and some are asked by anybody. */
const MAX_CALLS = 1_000;

/** What hubs tell each other. Each has a name of its own, `by`. */
type Message =
  | { readonly kind: 'here'; readonly by: string; readonly isNew: boolean }
  | { readonly kind: 'left'; readonly by: string }
  | { readonly kind: 'ask'; readonly by: string; readonly call: number; readonly question: unknown }
  | {
      readonly kind: 'answer';
      readonly by: string;
      readonly call: number;
      readonly parts: number;
      readonly items: readonly unknown[];
    };

interface Call {
  /** Who still owes an answer; and how many parts have come from each. */
  readonly waitingFor: Set<string>;
  readonly partsOf: Map<string, number>;
  readonly items: unknown[];
  readonly isEnough: (items: readonly unknown[]) => boolean;
  readonly end: () => void;
  timer: Timer | null;
}

export interface RollCallContext {
  readonly broker: SignalBroker;
  readonly clock: Clock;
  /** What this hub has to say to a question of another one: any number of items, as JSON takes them. */
  readonly answer: (question: unknown) => Promise<readonly unknown[]>;
}

/**
 * Asks all other hubs of a broker a question, and gathers what they answer.
 *
 * It goes by signals, of which the broker keeps nothing: what a hub is asked, and answers, is of use now or never. Each tells the others that
 * it is there when it starts, and every 10 s, so that whoever asks knows for whom to wait.
 */
export class RollCall implements Subscriber {
  readonly #broker: SignalBroker;
  readonly #clock: Clock;
  readonly #answer: RollCallContext['answer'];
  readonly #name = randomUUID();
  /** The others, and when they were heard of last. */
  readonly #others = new Map<string, number>();
  readonly #calls = new Map<number, Call>();
  #called = 0;
  #subscription: Subscription | null = null;
  #isJoining = false;
  /** When all others are known, in the clock's milliseconds. */
  #knowsAllAt = Infinity;
  #beat: Timer | null = null;
  #hasLeft = false;

  constructor({ broker, clock, answer }: RollCallContext) {
    this.#broker = broker;
    this.#clock = clock;
    this.#answer = answer;
  }

  /** Begins to answer, and tells the others that it is there; while the broker's engine is away, it does not wait for that. */
  async join(): Promise<void> {
    this.#beatLater();
    const joined = this.#join();
    if (!('isUp' in this.#broker) || this.#broker.isUp) await joined;
  }

  /** Tells the others that it is there no more. */
  leave(): void {
    this.#hasLeft = true;
    this.#beat?.cancel();
    if (this.#subscription !== null) this.#tell(NODES_CHANNEL, { kind: 'left', by: this.#name });
    this.#subscription?.unsubscribe();
    for (const { end } of this.#calls.values()) end();
  }

  /**
   * Resolves with what the other hubs answer, of each in its order. One that says nothing for 3 s is left out, and so are all of
   * them while the broker's engine is away.
   *
   * @param isEnough - whether what has come will do, whatever the others have to say.
   * @throws {@link HttpError} 503 when too many questions are under way.
   */
  async ask(question: unknown, isEnough: Call['isEnough'] = () => false): Promise<unknown[]> {
    const waitingFor = new Set(this.others());
    if (this.#subscription === null || (waitingFor.size === 0 && this.#knowsAll)) return [];
    if (this.#calls.size >= MAX_CALLS)
      throw new HttpError(503, 'too many questions to other hubs are under way', { headers: { 'Retry-After': '1' } });
    const number = ++this.#called;
    return new Promise((resolve) => {
      const end = () => {
        call.timer?.cancel();
        if (this.#calls.delete(number)) resolve(call.items);
      };
      const call: Call = { waitingFor, partsOf: new Map(), items: [], isEnough, end, timer: null };
      this.#calls.set(number, call);
      this.#wait(call);
      this.#signal(NODES_CHANNEL, { kind: 'ask', by: this.#name, call: number, question }).catch(end);
    });
  }

  /** The other hubs that are known to be there. */
  others(): Iterable<string> {
    const oldest = this.#clock.now() - FORGET_MS;
    for (const [name, heardAt] of this.#others) if (heardAt < oldest) this.#others.delete(name);
    return this.#others.keys();
  }

  deliver(frame: Frame): void {
    if (frame.eventType !== NODES_TYPE) return;
    const message = messageOf(frame);
    if (message === null || message.by === this.#name) return;
    if (message.kind === 'left') this.#others.delete(message.by);
    else this.#others.set(message.by, this.#clock.now());
    if (message.kind === 'here' && message.isNew)
      this.#tell(channelOf(message.by), { kind: 'here', by: this.#name, isNew: false });
    else if (message.kind === 'ask') void this.#reply(message);
    else if (message.kind === 'answer') this.#hear(message);
  }

  /** Nothing here is kept: what is said again soon need not be looked for. */
  gap(_gap: Gap): void {}

  get #knowsAll(): boolean {
    return this.#clock.now() >= this.#knowsAllAt;
  }

  async #join(): Promise<void> {
    this.#isJoining = true;
    try {
      const subscription = await this.#broker.subscribe([NODES_CHANNEL, channelOf(this.#name)], this);
      if (this.#hasLeft) return subscription.unsubscribe();
      this.#subscription = subscription;
      // Whoever is in this process is heard at once.
      this.#knowsAllAt = this.#clock.now() + ('isUp' in this.#broker ? JOINING_MS : 0);
      await this.#signal(NODES_CHANNEL, { kind: 'here', by: this.#name, isNew: true });
    } catch {
      // The broker is closed, or its engine will not have us now: the next beat tries again.
    } finally {
      this.#isJoining = false;
    }
  }

  #beatLater(): void {
    this.#beat = this.#clock.setTimeout(() => {
      if (this.#subscription !== null) this.#tell(NODES_CHANNEL, { kind: 'here', by: this.#name, isNew: false });
      else if (!this.#isJoining) void this.#join();
      this.#beatLater();
    }, BEAT_MS);
  }

  async #reply({ by, call, question }: Message & { kind: 'ask' }): Promise<void> {
    try {
      const parts = partsOf(await this.#answer(question));
      // One after the other: an engine cuts off who has too much waiting.
      for (const items of parts)
        await this.#signal(channelOf(by), { kind: 'answer', by: this.#name, call, parts: parts.length, items });
    } catch {
      // Whoever asked does not wait for ever.
    }
  }

  #hear({ by, call: number, parts, items }: Message & { kind: 'answer' }): void {
    const call = this.#calls.get(number);
    if (call === undefined) return;
    const come = (call.partsOf.get(by) ?? 0) + 1;
    call.partsOf.set(by, come);
    for (const item of items) call.items.push(item);
    if (come >= parts) call.waitingFor.delete(by);
    const isWhole = call.waitingFor.size === 0 && this.#knowsAll;
    if (isWhole || call.isEnough(call.items)) call.end();
    else this.#wait(call);
  }

  /** A hub that owes an answer, and says nothing, is taken for dead until it is heard again. */
  #wait(call: Call): void {
    const ms = call.waitingFor.size > 0 ? PATIENCE_MS : this.#knowsAllAt - this.#clock.now();
    call.timer?.cancel();
    call.timer = this.#clock.setTimeout(() => {
      for (const name of call.waitingFor) this.#others.delete(name);
      call.end();
    }, ms);
  }

  #signal(channel: string, message: Message): Promise<void> {
    return this.#broker.signal(channel, NODES_TYPE, message);
  }

  /** It is heard, or it is not. */
  #tell(channel: string, message: Message): void {
    this.#signal(channel, message).catch(() => {});
  }
}

/** By which one hub alone is told something. */
function channelOf(name: string): string {
  return `${NODES_CHANNEL}:${name}`;
}

/** What was said; null: it was no hub that said it, or one that speaks otherwise. */
function messageOf(frame: Frame): Message | null {
  try {
    const [event] = parseEvents(frame.bytes, { maxEventBytes: frame.byteLength });
    const message = JSON.parse(event?.data ?? '') as Message;
    const isWhole = typeof message.by === 'string' && (message.kind !== 'answer' || Array.isArray(message.items));
    return isWhole ? message : null;
  } catch {
    return null;
  }
}

/** Items in their order, in as many parts as it takes; one, at least. */
function partsOf(items: readonly unknown[]): unknown[][] {
  const parts: unknown[][] = [[]];
  let length = 0;
  for (const item of items) {
    const added = JSON.stringify(item).length;
    if (length > 0 && length + added > PART_LENGTH) {
      parts.push([]);
      length = 0;
    }
    parts.at(-1)?.push(item);
    length += added;
  }
  return parts;
}
