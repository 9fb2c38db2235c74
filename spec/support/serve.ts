import type { ExecutionContext } from 'ava';
import { type ListenOptions, Router, type RouterOptions, type Server } from '../../src/index.js';
import { type ConnectOptions, connect, type TestClient } from '../../src/testing/index.js';
import { RecordingLogger } from './recording-logger.js';

export interface Served {
  readonly router: Router;
  readonly server: Server;
  readonly logger: RecordingLogger;
  /** Connects, and leaves when the spec ends. */
  client(path: string, options?: ConnectOptions): Promise<TestClient>;
}

/**
 * Serves a router on a free port of the loopback interface for one spec, and stops it when the spec ends. A report that
 * the spec did not take from the logger fails it.
 */
export async function serve(
  t: ExecutionContext,
  mount: (router: Router) => void,
  { listen, ...options }: RouterOptions & { listen?: ListenOptions } = {},
): Promise<Served> {
  const logger = new RecordingLogger();
  const router = new Router({ logger, ...options });
  mount(router);
  const server = await router.listen(listen);
  t.teardown(async () => {
    await server.close();
    const left = logger.take();
    if (left.length > 0)
      throw new Error(`Unexpected log output: ${left.map(({ message, err }) => `${message} ${err}`)}`);
  });
  const client = async (path: string, connectOptions?: ConnectOptions) => {
    const connected = await connect(server, path, connectOptions);
    t.teardown(() => connected.close());
    return connected;
  };
  return { router, server, logger, client };
}

/** A promise and the way to settle it: for a spec that waits until a hook has been called. */
export function deferred<Value = void>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve!: (value: Value) => void;
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
