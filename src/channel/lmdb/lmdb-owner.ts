import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LmdbDatabase } from './lmdb-database.js';
import { OWNER_KEY } from './lmdb-keys.js';

/** What an owner says of itself, in the database and in the file beside it. */
interface Owner {
  /** A socket that the owner listens on: a path from the folder, or an absolute one. */
  readonly socket: string;
  readonly pid: number;
}

/** So many bytes of a path the systems take for a socket, and not one more. */
const MAX_SOCKET_PATH = 100;
const HINT_FILE = 'owner';
/** An owner that is stopped does not answer, and is the owner all the same. */
const PROBE_MS = 1_000;

/**
 * Sees to it that one broker at a time has a folder.
 *
 * An owner listens on a socket that it alone has, and whose name it has written down. Whoever comes later connects to it: where
 * nobody listens, nobody lives, however the owner came to its end. So no lock is ever stale, no process id is mistaken for
 * another, and it holds between containers that share the folder. Between machines that share it over a network, it does
 * not: LMDB does not work there either.
 */
export class LmdbOwner {
  readonly #folder: string;
  readonly #server: Server;
  readonly #self: Owner;

  private constructor(folder: string, server: Server, self: Owner) {
    this.#folder = folder;
    this.#server = server;
    this.#self = self;
  }

  /** @throws Error when another broker has the folder. */
  static async begin(folder: string): Promise<LmdbOwner> {
    // The database is not opened to find that out: its own lock may be held by a process that is stopped.
    await assertNotOwned(folder, readHint(folder));
    const { server, socket } = await listenIn(folder);
    return new LmdbOwner(folder, server, { socket, pid: process.pid });
  }

  /** @throws Error when another broker took it meanwhile. */
  async take(database: LmdbDatabase): Promise<void> {
    const value = Buffer.from(JSON.stringify(this.#self));
    for (;;) {
      const found = database.get(OWNER_KEY);
      const owner = found === undefined ? null : parseOwner(`${found}`);
      await assertNotOwned(this.#folder, owner);
      // Of several that find the same owner dead, one is first.
      if (!(await database.replace(OWNER_KEY, found, value))) continue;
      if (owner !== null) removeSocket(this.#folder, owner);
      writeHint(this.#folder, value);
      return;
    }
  }

  async release(): Promise<void> {
    await new Promise((done) => this.#server.close(done));
  }
}

function readHint(folder: string): Owner | null {
  try {
    return parseOwner(readFileSync(join(folder, HINT_FILE), 'utf8'));
  } catch {
    return null;
  }
}

function writeHint(folder: string, value: Buffer): void {
  try {
    writeFileSync(join(folder, HINT_FILE), value);
  } catch {
    // The disk may be full. What counts is in the database.
  }
}

function parseOwner(text: string): Owner | null {
  try {
    const { socket, pid } = JSON.parse(text);
    return typeof socket === 'string' ? { socket, pid } : null;
  } catch {
    return null;
  }
}

async function assertNotOwned(folder: string, owner: Owner | null): Promise<void> {
  if (owner === null || !(await isListenedOn(resolve(folder, owner.socket)))) return;
  throw new Error(`another broker has it open, in process ${owner.pid}`);
}

async function isListenedOn(path: string): Promise<boolean> {
  const socket = connect(path);
  socket.setTimeout(PROBE_MS, () => socket.destroy());
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(PROBE_MS) });
    return true;
  } catch (thrown) {
    // Anything else does not say that nobody is there.
    return !['ECONNREFUSED', 'ENOENT', 'ENOTSOCK'].includes((thrown as NodeJS.ErrnoException).code ?? '');
  } finally {
    socket.destroy();
  }
}

async function listenIn(folder: string): Promise<{ server: Server; socket: string }> {
  const name = `owner-${randomBytes(6).toString('hex')}`;
  if (process.platform === 'win32') {
    const socket = `\\\\.\\pipe\\tradewind-${name}`;
    return { server: await listen(socket), socket };
  }
  const file = `${name}.sock`;
  const elsewhere = join(tmpdir(), `tradewind-${file}`);
  if (Buffer.byteLength(join(folder, file)) > MAX_SOCKET_PATH)
    return { server: await listen(elsewhere), socket: elsewhere };
  try {
    return { server: await listen(join(folder, file)), socket: file };
  } catch {
    // Some file systems have no sockets, such as those that bring a folder into a virtual machine.
    return { server: await listen(elsewhere), socket: elsewhere };
  }
}

async function listen(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  // In a worker of a cluster it would be its primary that listens, and goes on when the worker has died.
  server.listen({ path, exclusive: true });
  await once(server, 'listening');
  // That a connection could not be accepted is its own loss.
  server.on('error', () => {});
  return server.unref();
}

function removeSocket(folder: string, { socket }: Owner): void {
  if (process.platform !== 'win32') rmSync(resolve(folder, socket), { force: true });
}
