import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { ExecutionContext } from 'ava';
import { type ConnectOptions, connect, type TestClient } from '../../src/testing/index.js';

/** How long a sample may take to start, to say what a spec waits for, and to end, in milliseconds. The machine may be busy. */
const TIMEOUT_MS = 60_000;

export interface StartedSample {
  /** Where it listens, as it printed it. */
  readonly url: string;
  /** Waits until it has printed something that matches. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** Waits until it has logged something that matches, and takes it from the log: what is left at the end fails the spec. */
  logged(pattern: RegExp): Promise<RegExpExecArray>;
  /** Connects, and leaves when the spec ends. */
  client(path: string, options?: ConnectOptions): Promise<TestClient>;
  /** Ends it with a SIGKILL, as a machine that has no memory left does. */
  kill(): Promise<void>;
}

/**
 * Starts a sample as its reader would, in a process of its own and from the package's build, on a free port. When the spec
 * ends it is sent a SIGTERM. The spec fails if the process then does not end by itself, as one does that leaks a timer or a
 * stream, or if it wrote to standard error.
 *
 * @param name - its folder in `samples/`.
 * @param environment - what it is told beside `PORT`.
 */
export async function startSample(
  t: ExecutionContext,
  name: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<StartedSample> {
  const sample = spawn(process.execPath, ['--import', './scripts/typescript.mjs', `samples/${name}/server.ts`], {
    env: { ...process.env, PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(sample, 'close');
  const output = collect(sample.stdout);
  const log = collect(sample.stderr);

  const until = (collected: Collected, pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const settle = (outcome: () => void) => {
        clearTimeout(timeout);
        collected.stream.off('data', look);
        sample.off('close', onEnd);
        outcome();
      };
      const look = () => {
        const found = pattern.exec(collected.text);
        if (found !== null) settle(() => resolve(found));
      };
      const fail = (why: string) =>
        settle(() => reject(new Error(`${name} ${why} without a word of ${pattern}: ${output.text}${log.text}`)));
      const onEnd = () => fail('ended');
      const timeout = setTimeout(() => fail(`ran for ${TIMEOUT_MS} ms`), TIMEOUT_MS);
      collected.stream.on('data', look);
      sample.once('close', onEnd);
      look();
    });
  const printed = (pattern: RegExp) => until(output, pattern);
  const logged = async (pattern: RegExp) => {
    const found = await until(log, pattern);
    log.text = log.text.replace(found[0], '');
    return found;
  };

  let isKilled = false;
  const kill = async () => {
    isKilled = true;
    sample.kill('SIGKILL');
    await ended;
  };

  t.teardown(async () => {
    if (isKilled) return;
    const deadline = setTimeout(() => sample.kill('SIGKILL'), TIMEOUT_MS);
    sample.kill('SIGTERM');
    const [code, signal] = await ended;
    clearTimeout(deadline);
    if (code !== 0 || log.text.trim() !== '') {
      throw new Error(`${name} ended with ${signal ?? code}. Unexpected log output: ${log.text}`);
    }
  });

  const [, url = ''] = await printed(/^Listening on (https?:\/\/[^\s,]+)/m);
  const client = async (path: string, options?: ConnectOptions) => {
    const connected = await connect(url, path, options);
    t.teardown(() => connected.close());
    return connected;
  };
  return { url, printed, logged, client, kill };
}

interface Collected {
  readonly stream: Readable;
  text: string;
}

/** Keeps a stream's text. Its listener comes first, so that whoever listens later finds the text complete. */
function collect(stream: Readable): Collected {
  const collected: Collected = { stream, text: '' };
  stream.setEncoding('utf8').on('data', (text: string) => {
    collected.text += text;
  });
  return collected;
}
