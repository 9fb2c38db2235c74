import { setImmediate } from 'node:timers';
import type { ConnectionOptions } from 'node:tls';
import { createClient, ErrorReply, type RedisClientOptions } from 'redis';
import type { Clock, Timer } from '../../clock.js';

/** How long Redis may take to connect, and to answer a question, before it is given up. */
const ANSWER_MS = 5_000;
/** How often it is looked whether it answers. */
const LOOK_MS = 1_000;
/** How many channels one command names. */
const NAMES_AT_ONCE = 1_000;

type Listener = (message: string, channel: string) => void;
type Client = ReturnType<typeof clientOf>;

/** How Redis sends live events: to channels, to patterns of them, or on a cluster to the one node that has the channel. */
export type PubSub = 'channels' | 'patterns' | 'sharded';

export interface RedisConnectionContext {
  readonly url: string;
  readonly tls: ConnectionOptions | undefined;
  readonly clock: Clock;
  /** Called once, before what was asked rejects, when the connection breaks. Not called before it is open, nor after close. */
  onLost(reason: unknown): void;
}

/**
 * One connection to Redis, for one life: when it breaks, another is made.
 *
 * It carries both the questions and the live events (RESP3), so that an answer comes after all that was published before it, and
 * that a part of it cannot break alone.
 */
export class RedisConnection {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #onLost: (reason: unknown) => void;
  readonly #abort = new AbortController();
  #state: 'opening' | 'open' | 'closed' = 'opening';
  #reason: unknown = null;
  /** How many questions have not been answered, and since when none has. */
  #asked = 0;
  #heardAt = 0;
  #timer: Timer | null = null;

  constructor({ url, tls, clock, onLost }: RedisConnectionContext) {
    this.#clock = clock;
    this.#onLost = onLost;
    this.#client = clientOf(url, tls, this.#abort.signal);
    // Stays on after the end: the client may still complain.
    this.#client.on('error', (reason) => this.fail(reason));
    this.#client.on('sharded-channel-moved', () => this.fail(new Error('The slot has moved to another node')));
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Why it ended. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Connects. @throws what Redis, the network or the client says. */
  async open(): Promise<void> {
    const limit = this.#clock.setTimeout(() => {
      this.#reason ??= silence();
      this.close();
    }, ANSWER_MS);
    try {
      await this.#client.connect();
      // It may have been closed while the client was not able to stop.
      if (this.#state === 'closed') throw new Error('Closed');
      this.#state = 'open';
      this.#look();
    } catch (thrown) {
      this.close();
      throw this.#reason ?? firstOf(thrown);
    } finally {
      limit.cancel();
    }
  }

  /** Sends a command, and resolves with the reply. @throws an `ErrorReply`, or any other error if the connection has gone. */
  ask(command: readonly string[]): Promise<unknown> {
    return this.#answer(this.#client.sendCommand(command as string[]));
  }

  /** Subscribes, and resolves when Redis sends what is published. */
  async subscribe(kind: PubSub, names: readonly string[], listener: Listener): Promise<void> {
    const subscribed = piecesOf(names).map((piece) => {
      if (kind === 'patterns') return this.#client.pSubscribe(piece, listener);
      return kind === 'sharded' ? this.#client.sSubscribe(piece, listener) : this.#client.subscribe(piece, listener);
    });
    await Promise.all(subscribed.map((each) => this.#answer(each)));
  }

  /** Undoes a {@link subscribe}, also one that is under way. */
  unsubscribe(kind: PubSub, names: readonly string[], listener: Listener): void {
    for (const piece of piecesOf(names)) {
      const pending = this.#unsubscribe(kind, piece, listener);
      // It fails only with the connection.
      this.#answer(pending).catch(() => {});
    }
  }

  /** Lets go of it. What was asked rejects; nobody is told. */
  close(): void {
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#abort.abort();
    this.#client.destroy();
  }

  /** Gives it up: what it says is not what it has to say. */
  fail(reason: unknown): void {
    if (this.#state === 'closed') return;
    this.#reason ??= firstOf(reason);
    // While it opens, whoever opens it is told.
    if (this.#state === 'opening') return;
    this.#state = 'closed';
    this.#onLost(this.#reason);
    this.close();
  }

  #unsubscribe(kind: PubSub, names: string[], listener: Listener): Promise<unknown> {
    // Without the listener the client would take a subscription that comes next for one that it has.
    if (kind === 'patterns') return this.#client.pUnsubscribe(names, listener);
    return kind === 'sharded' ? this.#client.sUnsubscribe(names, listener) : this.#client.unsubscribe(names, listener);
  }

  async #answer<Answer>(pending: Promise<Answer>): Promise<Answer> {
    if (this.#asked++ === 0) this.#heardAt = this.#clock.now();
    try {
      return await pending;
    } catch (thrown) {
      // Not that the client was let go of, but why.
      throw thrown instanceof ErrorReply ? thrown : (this.#reason ?? thrown);
    } finally {
      this.#asked--;
      this.#heardAt = this.#clock.now();
    }
  }

  /** Looks now and then whether questions are answered. */
  #look(): void {
    this.#timer = this.#clock.setTimeout(() => {
      if (!this.#isSilent()) return this.#look();
      // This process may have been the one that slept: what has come meanwhile is read first.
      setImmediate(() =>
        setImmediate(() => {
          if (this.#state !== 'open') return;
          if (this.#isSilent()) this.fail(silence());
          else this.#look();
        }),
      );
    }, LOOK_MS);
  }

  #isSilent(): boolean {
    return this.#asked > 0 && this.#clock.now() - this.#heardAt > ANSWER_MS;
  }
}

function clientOf(url: string, tls: ConnectionOptions | undefined, signal: AbortSignal) {
  const socket = {
    ...tls,
    // It does not find out when a connection that is still being made is not wanted any more.
    signal,
    connectTimeout: ANSWER_MS,
    reconnectStrategy: false as const,
  };
  return createClient({
    url,
    RESP: 3,
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    // Each would be a timer for each command.
    commandOptions: { timeout: undefined as unknown as number },
    socket: socket as RedisClientOptions['socket'] & object,
  });
}

function silence(): Error {
  return new Error(`There was no answer for ${ANSWER_MS} ms`);
}

function piecesOf(names: readonly string[]): string[][] {
  const pieces: string[][] = [];
  for (let from = 0; from < names.length; from += NAMES_AT_ONCE) pieces.push(names.slice(from, from + NAMES_AT_ONCE));
  return pieces;
}

/** Of a host with several addresses each has failed: their error has no message of its own. */
function firstOf(thrown: unknown): unknown {
  return thrown instanceof AggregateError ? (thrown.errors[0] ?? thrown) : thrown;
}
