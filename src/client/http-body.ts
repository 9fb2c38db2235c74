/** The body of an answer of node:http as a web stream: without its codings, and whole as far as it has come. */

import type { IncomingMessage } from 'node:http';
import { pipeline, Readable, type Transform } from 'node:stream';
import { BODY_DECODERS } from '../body-decoders.js';

/** What a request has failed of, once it has: of its answer, Node says only that it was aborted. */
export interface Failure {
  cause: Error | null;
}

/** So much of a body may wait to be read before TCP holds the other side back. */
const MAX_RECEIVED_BYTES = 64 * 1024;
/** Each has a buffer of its own: a header of 16 KiB could ask for thousands. */
const MAX_CODINGS = 5;

/** A web stream that reads on only when it is read: until then, TCP holds the other side back. It fails once all that came was read. */
export function bodyOf(
  message: IncomingMessage,
  failure: Failure,
  signal: AbortSignal | null | undefined,
): ReadableStream<Uint8Array> {
  const decoders = decodersOf(message);
  const received = new Received(message, failure, signal);
  const source = decoders.at(-1) ?? received;
  // Whoever reads the last of them is told of errors.
  if (decoders.length > 0) pipeline([received, ...decoders], () => {});
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const fail = (cause: Error | null) =>
          controller.error(signal?.aborted ? signal.reason : new TypeError('terminated', { cause }));
        source.pause();
        source.on('data', (chunk: Buffer) => {
          source.pause();
          // What was to be read next still comes when it has been cancelled meanwhile.
          if (!source.destroyed) controller.enqueue(chunk);
        });
        source.once('end', () => {
          if (received.fault !== null) fail(received.fault);
          // One that was cancelled may still end, and is closed already.
          else if (!source.destroyed) controller.close();
        });
        source.once('error', fail);
        source.once('close', () => fail(received.fault));
      },
      pull: () => void source.resume(),
      cancel: () => void source.destroy(),
    },
    { highWaterMark: 0 },
  );
}

/** What has come of a body: all of it also when the connection breaks, of which Node drops what nobody has read yet. */
class Received extends Readable {
  /** Why there is no more of it; null: it is whole. */
  fault: Error | null = null;
  readonly #message: IncomingMessage;
  #isOver = false;

  /** @param signal - once it aborts, nothing is to be read any more. */
  constructor(message: IncomingMessage, failure: Failure, signal: AbortSignal | null | undefined) {
    super({ highWaterMark: MAX_RECEIVED_BYTES });
    this.#message = message;
    const take = (chunk: Buffer) => this.push(chunk) || message.pause();
    const lose = (error: Error) => {
      if (signal?.aborted) this.destroy(error);
      else this.#end(failure.cause ?? error);
    };
    message.on('data', take);
    message.once('aborted', () => {
      // Whoever listens would be given it twice.
      message.off('data', take);
      for (let chunk = message.read(); chunk !== null; chunk = message.read()) this.push(chunk);
    });
    message.once('end', () => this.#end(null));
    message.once('error', lose);
    message.once('close', () => lose(new Error('closed')));
  }

  override _read(): void {
    this.#message.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#isOver = true;
    this.#message.destroy();
    done(error);
  }

  #end(fault: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.fault = fault;
    this.push(null);
  }
}

/** How to undo the codings of a body; none, when one of them is not known. */
function decodersOf(message: IncomingMessage): Transform[] {
  const codings = (message.headers['content-encoding'] ?? '').toLowerCase().split(/\s*,\s*/);
  if (codings.length > MAX_CODINGS) {
    message.destroy();
    throw new Error(`more than ${MAX_CODINGS} codings`);
  }
  if (!codings.every((coding) => Object.hasOwn(BODY_DECODERS, coding))) return [];
  return codings.reverse().flatMap((coding) => BODY_DECODERS[coding]?.() ?? []);
}
