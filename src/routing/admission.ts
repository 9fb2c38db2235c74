/** Who gets in: limits, and the refusals that a client understands. */

import type { ServerResponse } from 'node:http';
import type { HttpRequest, HttpResponse } from '../connection/http.js';
import type { Limits } from './options.js';

/** Counts open requests, in all and for each address, against the limits. */
export class Admission {
  readonly #limits: Required<Limits>;
  readonly #byAddress = new Map<string, number>();
  #count = 0;

  constructor(limits: Required<Limits>) {
    this.#limits = limits;
  }

  /** Whether one more would be within the limits. */
  hasRoomFor(address: string): boolean {
    const { connections, connectionsPerAddress } = this.#limits;
    if (connections > 0 && this.#count >= connections) return false;
    return connectionsPerAddress === 0 || (this.#byAddress.get(address) ?? 0) < connectionsPerAddress;
  }

  /** Counts a request until its response closes. */
  admit(address: string, response: HttpResponse): void {
    this.#count++;
    if (this.#limits.connectionsPerAddress > 0) {
      this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
    }
    response.once('close', () => this.#leave(address));
  }

  #leave(address: string): void {
    this.#count--;
    const count = (this.#byAddress.get(address) ?? 0) - 1;
    if (count > 0) this.#byAddress.set(address, count);
    else this.#byAddress.delete(address);
  }
}

/**
 * Refuses a request for now: 503 with `Retry-After`. An EventSource would take that for final and never come back, so it
 * gets what it understands: a stream that says when to reconnect, and ends.
 *
 * @param retryMs - when to come back, in milliseconds.
 */
export function refuseForNow(response: HttpResponse, retryMs: number, { asStream }: { asStream: boolean }): void {
  const { statusCode, type, body } = asStream
    ? { statusCode: 200, type: 'text/event-stream; charset=utf-8', body: `retry: ${retryMs}\n\n` }
    : { statusCode: 503, type: 'text/plain; charset=utf-8', body: '503 Service Unavailable\n' };
  response.statusCode = statusCode;
  response.setHeader('Content-Type', type);
  response.setHeader('Cache-Control', 'no-cache, no-transform');
  response.setHeader('Retry-After', Math.ceil(retryMs / 1000));
  response.setHeader('Content-Length', Buffer.byteLength(body));
  (response as ServerResponse).end(body);
}

/** Whether the request comes from an EventSource, of whatever make: the standard has it say so. */
export function isEventSource({ headers }: HttpRequest): boolean {
  return headers.accept?.includes('text/event-stream') ?? false;
}

/** Whether it comes from a browser's EventSource, which no program can tell to try again after an error. */
export function isBrowserEventSource(request: HttpRequest): boolean {
  const isBrowser = request.headers['user-agent']?.startsWith('Mozilla/') || 'sec-fetch-mode' in request.headers;
  return isEventSource(request) && isBrowser;
}
