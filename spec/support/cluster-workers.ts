import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { LogRegistry } from '../../src/channel/cluster/log-registry.js';

/** A worker of this process that runs `cluster-program.ts`, and answers what it is asked. */
export class ClusterWorker {
  readonly worker: Worker;
  readonly #answers = new Map<number, { resolve(value: never): void; reject(fault: Error): void }>();
  #asked = 0;

  constructor(worker: Worker) {
    this.worker = worker;
    worker.on('message', ({ answer, value, error }: { answer?: number; value?: unknown; error?: string }) => {
      const waiting = this.#answers.get(answer ?? 0);
      if (error === undefined) waiting?.resolve(value as never);
      else waiting?.reject(new Error(error));
    });
    worker.on('exit', () => {
      for (const { reject } of this.#answers.values()) reject(new Error('the worker has ended'));
    });
  }

  /** Asks; what is asked at once is done at once. */
  ask<Answer>(what: string, details: object = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const number = ++this.#asked;
      this.#answers.set(number, { resolve, reject });
      this.worker.send({ ask: number, what, ...details });
    });
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.worker.process.pid ?? 0, signal);
  }

  async kill(): Promise<void> {
    if (this.worker.isDead()) return;
    const exited = once(this.worker, 'exit');
    this.signal('SIGKILL');
    await exited;
  }
}

/**
 * Forks workers of this process, its primary, which know each other's brokers: what a worker says to the other is passed on.
 *
 * @param exec - another program for them.
 */
export async function forkWorkers(count: number, exec = 'spec/support/cluster-program.ts'): Promise<ClusterWorker[]> {
  LogRegistry.ofProcess();
  cluster.setupPrimary({ exec, args: [] });
  const workers = Array.from({ length: count }, () => cluster.fork());
  for (const worker of workers) {
    worker.on('message', (message: { relay?: unknown }) => {
      if (message.relay === undefined) return;
      for (const other of workers) if (other !== worker && other.isConnected()) other.send(message);
    });
  }
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  return workers.map((worker) => new ClusterWorker(worker));
}

/** The same for one spec, which ends them. */
export async function forkFor(t: ExecutionContext, count: number): Promise<ClusterWorker[]> {
  const workers = await forkWorkers(count);
  t.teardown(() => killWorkers(workers));
  return workers;
}

export async function killWorkers(workers: readonly ClusterWorker[]): Promise<void> {
  await Promise.all(workers.map((worker) => worker.kill()));
}
