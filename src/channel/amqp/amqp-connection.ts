/** RabbitMQ as its client reaches it: the only file that knows amqplib. */

import {
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  type ConsumeMessage,
  connect,
  type Options,
} from 'amqplib';
import { toError } from '../../errors.js';

/** A message as a stream keeps it. */
export interface StreamMessage {
  /** Its place in the stream, from 0. */
  readonly offset: number;
  /** By which way it came in: `''` is the queue's own name. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Buffer;
}

/**
 * Where a stream is read from: an offset, what comes next, or what came last (some messages that were written together). An offset
 * that is kept no more stands for the first that is.
 */
export type StreamPosition = number | 'next' | 'last';

/** What a connection says by itself. */
export interface ConnectionEvents {
  /** It is of no use any more. Called once. */
  ended(reason: Error): void;
  /** The server takes no messages for a while, for a reason; null: it does again. */
  blocked(reason: string | null): void;
  /** A message had nowhere to go. */
  returned(): void;
}

/** Publishes to those who listen now. */
export type SendSignal = (routingKey: string, content: Buffer) => void;

/** How long the server may take for each step of the handshake. */
const HANDSHAKE_MS = 5_000;
/** A server that says nothing is given up after 2 to 3 times this. */
const HEARTBEAT_SECONDS = 4;
/** How long a polite end may take. */
const CLOSE_MS = 1_000;

/**
 * One connection, with a channel to publish on and one for each reader. Whatever goes wrong on a channel ends the connection: what
 * was under way on the others is not known to be whole then.
 */
export class AmqpConnection {
  readonly #model: ChannelModel;
  readonly #events: ConnectionEvents;
  readonly #abort: AbortController;
  #publishing!: ConfirmChannel;
  #isEnded = false;

  private constructor(model: ChannelModel, events: ConnectionEvents, abort: AbortController) {
    this.#model = model;
    this.#events = events;
    this.#abort = abort;
    model.on('error', (error) => this.#end(error));
    model.on('close', (error) => this.#end(error ?? new Error('RabbitMQ closed the connection')));
    model.on('blocked', (reason) => events.blocked(reason));
    model.on('unblocked', () => events.blocked(null));
  }

  /** @param abort - ends it at once, at any time. */
  static async open(url: string, events: ConnectionEvents, abort: AbortController): Promise<AmqpConnection> {
    const options = {
      noDelay: true,
      timeout: HANDSHAKE_MS,
      signal: abort.signal,
      clientProperties: { connection_name: 'tradewind' },
    };
    const model = await connect(withHeartbeat(url), options);
    const connection = new AmqpConnection(model, events, abort);
    await connection.#openPublishing();
    return connection;
  }

  /** Declares a durable stream, and a durable exchange of the same name that brings messages to it. */
  async declareStream(stream: string, limits: Readonly<Record<string, string | number>>): Promise<void> {
    await this.#publishing.assertQueue(stream, { durable: true, arguments: { 'x-queue-type': 'stream', ...limits } });
    await this.#publishing.assertExchange(stream, 'direct', { durable: true });
  }

  /** Declares an exchange, unless it is there in whatever form. */
  async declareExchange(exchange: string): Promise<void> {
    const channel = await this.#model.createChannel();
    // That it is not there ends the channel: it is asked for on one of its own.
    channel.on('error', () => {});
    try {
      await channel.checkExchange(exchange);
      await channel.close();
    } catch (thrown) {
      if (codeOf(thrown) !== 404) throw thrown;
      await this.#publishing.assertExchange(exchange, 'direct', { durable: true });
    }
  }

  /** Has an exchange bring what it gets under a key to a stream. */
  async bind(stream: string, exchange: string, routingKey: string): Promise<void> {
    await this.#publishing.bindQueue(stream, exchange, routingKey);
  }

  /**
   * Publishes a message. That it has arrived, its copy in the stream says.
   *
   * @param onRefused - called when the server says that it has not taken it.
   */
  publish(exchange: string, routingKey: string, content: Buffer, onRefused?: () => void): void {
    if (this.#isEnded) return;
    this.#publishing.publish(exchange, routingKey, content, PUBLISH_OPTIONS, (fault) => {
      if (fault && !this.#isEnded) onRefused?.();
    });
  }

  /**
   * Reads a stream, until it is told to stop.
   *
   * @param ahead - how many messages the server may send ahead of what was taken.
   * @returns what stops it.
   */
  async consume(
    stream: string,
    from: StreamPosition,
    ahead: number,
    take: (message: StreamMessage) => void,
  ): Promise<() => void> {
    const channel = await this.#model.createChannel();
    let isStopped = false;
    let taken = 0;
    this.#watch(channel, () => isStopped);
    await channel.prefetch(ahead);
    const onMessage = (message: ConsumeMessage | null) => {
      if (isStopped || this.#isEnded) return;
      // RabbitMQ ends a reader when its queue is deleted.
      if (message === null) return this.#end(new Error(`The stream ${JSON.stringify(stream)} was deleted`));
      taken++;
      if (taken % Math.ceil(ahead / 2) === 0) channel.ack(message, true);
      take(toStreamMessage(message));
    };
    await channel.consume(stream, onMessage, { arguments: { 'x-stream-offset': from } });
    return () => {
      if (isStopped) return;
      isStopped = true;
      if (!this.#isEnded) channel.close().catch(() => {});
    };
  }

  /**
   * Listens to an exchange that brings what is published to everyone who listens, and keeps nothing of it.
   *
   * @returns what publishes to it. It throws when the server has let go of it.
   * @throws what the server says: who may not declare an exchange has to go without.
   */
  async openSignals(exchange: string, take: (routingKey: string, content: Buffer) => void): Promise<SendSignal> {
    const channel = await this.#model.createChannel();
    // A refusal ends this channel alone, and is what the call below rejects with.
    channel.on('error', () => {});
    await channel.assertExchange(exchange, 'fanout', { durable: true });
    const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true });
    await channel.bindQueue(queue, exchange, '');
    const onMessage = (message: ConsumeMessage | null) => {
      if (message !== null && !this.#isEnded) take(message.fields.routingKey, message.content);
    };
    await channel.consume(queue, onMessage, { noAck: true });
    return (routingKey, content) => void channel.publish(exchange, routingKey, content);
  }

  /** Ends it at once. */
  destroy(reason: Error): void {
    this.#end(reason);
  }

  /** Ends it politely, as far as the server is there for that. */
  async close(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const deadline = setTimeout(() => this.#abort.abort(), CLOSE_MS);
    const closed = new Promise<void>((resolve) => this.#model.once('close', () => resolve()));
    this.#model.close().catch(() => {});
    await closed;
    clearTimeout(deadline);
    this.#abort.abort();
  }

  async #openPublishing(): Promise<void> {
    this.#publishing = await this.#model.createConfirmChannel();
    this.#watch(this.#publishing, () => false);
    this.#publishing.on('return', () => this.#events.returned());
  }

  #watch(channel: Channel, isStopped: () => boolean): void {
    channel.on('error', (error) => this.#end(error));
    channel.on('close', () => {
      if (!isStopped()) this.#end(new Error('RabbitMQ closed a channel'));
    });
  }

  #end(reason: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#events.ended(toError(reason));
    // Whatever is under way on the socket, and whether or not the other side still answers.
    this.#abort.abort();
  }
}

const PUBLISH_OPTIONS: Options.Publish = { mandatory: true, persistent: true };

function toStreamMessage({ fields, properties, content }: ConsumeMessage): StreamMessage {
  const offset: unknown = properties.headers?.['x-stream-offset'];
  return { offset: Number(offset), exchange: fields.exchange, routingKey: fields.routingKey, content };
}

function withHeartbeat(url: string): string {
  const parsed = new URL(url);
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', `${HEARTBEAT_SECONDS}`);
  return parsed.href;
}

/** The code that the server gave with a fault, such as 404. */
export function codeOf(fault: unknown): number | null {
  const code: unknown = fault instanceof Error && 'code' in fault ? fault.code : null;
  return typeof code === 'number' ? code : null;
}
