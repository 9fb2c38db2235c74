/** The two ways in which bytes reach a client: straight to the socket, or through Node's response. */

import { type IncomingMessage, ServerResponse } from 'node:http';
import { constants } from 'node:http2';
import type { Socket } from 'node:net';
import type { Frame } from '../event-stream/frame.js';
import { Descriptor } from './descriptor.js';
import { type HttpRequest, type HttpResponse, isHttp2 } from './http.js';
import { takeOver } from './take-over.js';

/**
 * One open response, as far as a connection needs it. Everything after the headers goes through one transport:
 * mixing `res.write` and `socket.write` on a connection reorders events on Node 26.
 */
export interface Transport {
  /** The bytes of a frame in the shape that {@link put} takes. */
  shape(frame: Frame): Buffer;
  /** Whether there is a file descriptor to write to, at times. */
  readonly hasDescriptor: boolean;
  /** The socket's file descriptor, if what {@link shape} makes may be written to it now; otherwise -1. */
  readonly descriptor: number;
  /** Hands bytes over. False means: enough for now, wait for {@link onceDrained} before the next. */
  put(bytes: Buffer): boolean;
  /** It holds no more than this when {@link put} has returned true; Infinity: not known. */
  readonly mostBytes: number;
  /** Bytes that were put and that the operating system, or an HTTP/2 client's window, has not taken yet. */
  readonly queuedBytes: number;
  /** The socket, where it carries nothing but this response: not with HTTP/2. */
  readonly socket: Socket | null;
  /** Calls back once what was put has been taken, after {@link put} has returned false. */
  onceDrained(callback: () => void): void;
  /** Ends the response cleanly, after what was put. */
  end(): void;
  /** Drops the response and what is on its way. */
  destroy(): void;
  /** Goes on without Node's request and response, if that can be: then it is true, and nobody may use them any more. */
  letGo(request: HttpRequest): boolean;
}

/**
 * Picks the transport for a response whose headers were flushed.
 *
 * Straight to the socket saves Node's framing for each subscriber (see bench/fanout, beside `res.write`), but is right only
 * where nothing else stands between: HTTP/1.1, chunked, a body expected, the response's turn come (a pipelined one has
 * no socket yet), and `write` and `end` not replaced by a middleware.
 */
export function transportFor(response: HttpResponse): Transport {
  return isDirect(response) ? new SocketTransport(response, response.socket) : new ResponseTransport(response);
}

function isDirect(response: HttpResponse): response is ServerResponse & { socket: Socket } {
  if (isHttp2(response)) return false;
  return (
    response.socket !== null &&
    response.chunkedEncoding &&
    response.write === ServerResponse.prototype.write &&
    response.end === ServerResponse.prototype.end &&
    response.writableLength === response.socket.writableLength
  );
}

const LAST_CHUNK = '0\r\n\r\n';

/** Writes frames, chunk header and all, to the socket under an HTTP/1.1 response. */
class SocketTransport implements Transport {
  readonly socket: Socket;
  readonly #descriptor: Descriptor | null;
  /** Null once it was let go of. */
  #response: ServerResponse | null;

  constructor(response: ServerResponse, socket: Socket) {
    this.#response = response;
    this.socket = socket;
    this.#descriptor = Descriptor.of(socket);
  }

  get hasDescriptor(): boolean {
    return this.#descriptor !== null;
  }

  get descriptor(): number {
    return this.#descriptor?.number ?? -1;
  }

  get mostBytes(): number {
    return this.socket.writableHighWaterMark;
  }

  shape(frame: Frame): Buffer {
    return frame.chunk;
  }

  put(bytes: Buffer): boolean {
    // A socket that is closing would answer a write with an error; its close is on the way.
    return !this.socket.writable || this.socket.write(bytes);
  }

  get queuedBytes(): number {
    return this.socket.writableLength;
  }

  onceDrained(callback: () => void): void {
    this.socket.once('drain', callback);
  }

  end(): void {
    if (this.#response === null) this.socket.end(LAST_CHUNK);
    else this.#response.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  letGo(request: HttpRequest): boolean {
    const response = this.#response;
    if (response === null || !takeOver(this.socket, request as IncomingMessage, response)) return false;
    this.#response = null;
    return true;
  }
}

/** Writes through the response: HTTP/1.0, HTTP/2, or with a middleware's `write` in between. */
class ResponseTransport implements Transport {
  readonly hasDescriptor = false;
  readonly descriptor = -1;
  // The methods used are the same on both classes; one type spares a cast at each call.
  readonly #response: ServerResponse & { flush?: () => void };
  readonly #original: HttpResponse;
  #onDrained: (() => void) | null = null;
  #isListening = false;

  constructor(response: HttpResponse) {
    this.#response = response as ServerResponse;
    this.#original = response;
  }

  get mostBytes(): number {
    return Infinity;
  }

  shape(frame: Frame): Buffer {
    return frame.bytes;
  }

  put(bytes: Buffer): boolean {
    const response = this.#response;
    if (response.writableEnded || response.destroyed) return true;
    // A middleware's `write` may answer nothing: only a plain no means that there is no room.
    const hasRoom = response.write(bytes) !== false;
    // Express's `compression` holds bytes back until this is called.
    response.flush?.();
    return hasRoom;
  }

  get queuedBytes(): number {
    const response = this.#original;
    return isHttp2(response) ? (response.stream?.writableLength ?? 0) : response.writableLength;
  }

  get socket(): Socket | null {
    return isHttp2(this.#original) ? null : this.#original.socket;
  }

  onceDrained(callback: () => void): void {
    this.#onDrained = callback;
    if (this.#isListening) return;
    // One listener for good: `compression` takes listeners for its own stream, and does not give them back.
    this.#isListening = true;
    this.#response.on('drain', () => {
      const onDrained = this.#onDrained;
      this.#onDrained = null;
      onDrained?.();
    });
  }

  end(): void {
    if (!this.#response.writableEnded) this.#response.end();
  }

  destroy(): void {
    const response = this.#original;
    // A reset: an end would look as if the stream were whole.
    if (isHttp2(response)) response.stream.close(constants.NGHTTP2_CANCEL);
    else response.destroy();
  }

  letGo(): boolean {
    return false;
  }
}
