import { createServer } from 'node:net';
import { listening } from '../../support/listen.js';
import type { Payloads } from '../payloads.js';

/** A server of event streams that publishes when it is told to. */
export interface App {
  readonly port: number;
  /** Sends so many events to everybody, all in this turn of the event loop. */
  publish(payloads: Payloads, count: number): void;
}

/** Takes bytes that each ask for one call. */
export function listenForControl(onByte: () => void): Promise<number> {
  return listening(
    createServer((socket) => {
      socket.setNoDelay().on('data', (bytes) => {
        for (let asked = 0; asked < bytes.length; asked++) onByte();
      });
      socket.on('error', () => {});
    }),
  );
}
