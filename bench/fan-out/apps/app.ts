import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import type { Payloads } from '../payloads.js';

/** A server of event streams that publishes when it is told to. */
export interface App {
  readonly port: number;
  /** Sends so many events to everybody, all in this turn of the event loop. */
  publish(payloads: Payloads, count: number): void;
}

export function listen(listener: RequestListener): Promise<number> {
  return listening(createServer(listener));
}

/** Takes bytes that each ask for one call. */
export function listenForControl(onByte: () => void): Promise<number> {
  return listening(
    createNetServer((socket) => {
      socket.setNoDelay().on('data', (bytes) => {
        for (let asked = 0; asked < bytes.length; asked++) onByte();
      });
      socket.on('error', () => {});
    }),
  );
}

/** Answers with the headers that an event stream needs, and sends them. */
export function openStream(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-cache' });
  response.flushHeaders();
}

function listening(server: ReturnType<typeof createNetServer>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
