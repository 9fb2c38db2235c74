import type { Socket } from 'node:net';
import { Writable } from 'node:stream';

/** What Node has under a socket, and does not document: the same from Node 20 to 26. */
type Handle = object & { readonly fd?: number };
type HandledSocket = Socket & { readonly _handle?: Handle | null };

const HANDLES = ['TCP', 'Pipe'];
const { write } = Writable.prototype;
/** Whether sockets have descriptors that are the system's. With this flag Node prints a stack for each write to one. */
export const HAS_DESCRIPTORS = !(
  process.platform === 'win32' ||
  'bun' in process.versions ||
  'deno' in process.versions ||
  process.execArgv.includes('--trace-sync-io')
);

/**
 * A socket's file descriptor, to write to it past Node's stream, which makes an object for each write: past it, a delivery through all of
 * our layers costs less than `socket.write` alone (bench/stack).
 *
 * The system takes what it has room for, and never waits: the descriptor of a socket is non-blocking. What it does not take, and what goes wrong,
 * is the stream's to deal with. It is not to be had where the stream would do more than write: where it has something to write first, is
 * ending, counts the time since the last write, or has a `write` that is not Node's own, by which somebody counts.
 */
export class Descriptor {
  readonly #socket: HandledSocket;
  readonly #handle: Handle;
  readonly #number: number;

  private constructor(socket: HandledSocket, handle: Handle, number: number) {
    this.#socket = socket;
    this.#handle = handle;
    this.#number = number;
  }

  /** Null where there is none, as with TLS, or it is not known to be the socket's own. */
  static of(socket: HandledSocket): Descriptor | null {
    const handle = socket._handle;
    if (!HAS_DESCRIPTORS || !handle || !HANDLES.includes(handle.constructor.name)) return null;
    const { fd = -1 } = handle;
    return fd >= 0 ? new Descriptor(socket, handle, fd) : null;
  }

  /** The number, if bytes may be written to it now; otherwise -1. */
  get number(): number {
    // Hot path: bench/fanout. A closed socket has given up its handle, and the system may have given the number to another.
    const socket = this.#socket;
    if (socket._handle !== this.#handle || socket.writableLength > 0 || !socket.writable) return -1;
    return socket.timeout || socket.write !== write ? -1 : this.#number;
  }
}
