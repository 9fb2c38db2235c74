import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { type ConnectOptions, connect, type TestClient } from '../../src/testing/index.js';

/** How long a sample may take to start, to say what a spec waits for, and to end, in milliseconds. The machine may be busy. */
const TIMEOUT_MS = 60_000;

export interface StartedSample {
  /** Where it listens, as it printed it. */
  readonly url: string;
  /** Waits until it has printed something that matches. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** Connects, and leaves when the spec ends. */
  client(path: string, options?: ConnectOptions): Promise<TestClient>;
}

/**
 * Starts a sample as its reader would, in a process of its own and from the package's build, on a free port. When the spec
 * ends it is sent a SIGTERM. The spec fails if the process then does not end by itself, as one does that leaks a timer or a
 * stream, or if it wrote to standard error.
 *
 * @param name - its folder in `samples/`.
 */
export async function startSample(t: ExecutionContext, name: string): Promise<StartedSample> {
  const sample = spawn(process.execPath, ['--import', './scripts/typescript.mjs', `samples/${name}/server.ts`], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(sample, 'close');
  let output = '';
  let errors = '';
  sample.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  sample.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });

  const printed = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const settle = (outcome: () => void) => {
        clearTimeout(timeout);
        sample.stdout.off('data', look);
        sample.off('close', onEnd);
        outcome();
      };
      const look = () => {
        const found = pattern.exec(output);
        if (found !== null) settle(() => resolve(found));
      };
      const fail = (why: string) =>
        reject(new Error(`${name} ${why} before it printed ${pattern}: ${output}${errors}`));
      const onEnd = () => settle(() => fail('ended'));
      const timeout = setTimeout(() => settle(() => fail(`ran ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
      sample.stdout.on('data', look);
      sample.once('close', onEnd);
      look();
    });

  t.teardown(async () => {
    const deadline = setTimeout(() => sample.kill('SIGKILL'), TIMEOUT_MS);
    sample.kill('SIGTERM');
    const [code, signal] = await ended;
    clearTimeout(deadline);
    if (code !== 0 || errors !== '') throw new Error(`${name} ended with ${signal ?? code}. It said: ${errors}`);
  });

  const [, url = ''] = await printed(/^Listening on (https?:\/\/[^\s,]+)/m);
  const client = async (path: string, options?: ConnectOptions) => {
    const connected = await connect(url, path, options);
    t.teardown(() => connected.close());
    return connected;
  };
  return { url, printed, client };
}
