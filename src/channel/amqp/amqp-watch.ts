import type { Clock } from '../../clock.js';
import { toError } from '../../errors.js';
import type { StreamMessage, StreamPosition } from './amqp-connection.js';

/** How long RabbitMQ may take to answer anything. */
const ANSWER_MS = 10_000;
const CHECK_MS = 1_000;
/** After so long without a message it is looked at whether there is one. */
const QUIET_MS = 5_000;
/** How long a message that is there may take to be handed out. */
const LAG_MS = 2_000;

/** What is watched. */
export interface WatchContext {
  readonly clock: Clock;
  /** Since when something has been waited for; Infinity: nothing is. */
  unansweredSince(): number;
  /** The offset up to which messages have been handed out; null: nothing is to be expected. */
  handedOut(): number | null;
  consume(from: StreamPosition, ahead: number, take: (message: StreamMessage) => void): Promise<() => void>;
  /** Called once at most. */
  onSilence(reason: Error): void;
}

/** Looks whether RabbitMQ still answers, and still hands out what there is. */
export class AmqpWatch {
  readonly #context: WatchContext;
  /** When the last message came, or it was seen that there was none. */
  #heardAt: number;
  #isOver = false;

  constructor(context: WatchContext) {
    this.#context = context;
    this.#heardAt = context.clock.now();
    this.#wait();
  }

  /** A message has come. */
  hear(): void {
    this.#heardAt = this.#context.clock.now();
  }

  stop(): void {
    this.#isOver = true;
  }

  #wait(): void {
    this.#context.clock.setTimeout(() => this.#look(), CHECK_MS);
  }

  #look(): void {
    if (this.#isOver) return;
    const { clock, unansweredSince, handedOut } = this.#context;
    const now = clock.now();
    if (now - unansweredSince() > ANSWER_MS) {
      this.#end(new Error(`RabbitMQ has not answered for ${ANSWER_MS} ms`));
      return;
    }
    if (handedOut() !== null && now - this.#heardAt > QUIET_MS) {
      this.#heardAt = now;
      this.#listen().catch((thrown) => this.#end(toError(thrown)));
    }
    this.#wait();
  }

  /**
   * Looks whether there is a message that has not come. RabbitMQ hands out nothing more, and says nothing, when what a reader
   * would have got next has been evicted.
   */
  async #listen(): Promise<void> {
    const { consume, clock } = this.#context;
    let isStopped = false;
    let stop = () => {};
    const take = ({ offset }: StreamMessage) => {
      if (isStopped) return;
      isStopped = true;
      stop();
      if (!this.#isBehind(offset)) return;
      clock.setTimeout(() => {
        if (this.#isBehind(offset)) this.#end(new Error('RabbitMQ has passed over what it evicted'));
      }, LAG_MS);
    };
    stop = await consume('last', 1, take);
    if (isStopped) stop();
  }

  #isBehind(offset: number): boolean {
    return (this.#context.handedOut() ?? offset) < offset;
  }

  #end(reason: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#context.onSilence(reason);
  }
}
