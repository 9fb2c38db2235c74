import cluster, { type Worker } from 'node:cluster';
import type { Clock } from '../../clock.js';
import { systemClock } from '../../clock.js';
import type { HistoryLimits } from '../history.js';
import { fromWire, type Here, isToPrimary, type Request, type ToPrimary, type ToWorker } from './messages.js';
import { SharedLog } from './shared-log.js';
import { WorkerSession } from './worker-session.js';

/** A broker asked for a log that is kept otherwise. */
export interface OtherLimits {
  readonly option: keyof HistoryLimits;
  readonly why: string;
}

let ofThisProcess: LogRegistry | null = null;

/** The logs that a primary, or a process that is alone, keeps; and the workers' way to them. */
export class LogRegistry {
  readonly #logs = new Map<string, SharedLog>();
  readonly #sessions = new Map<number, Map<number, WorkerSession>>();

  private constructor() {
    cluster.on('message', (worker, message: unknown) => {
      if (isToPrimary(message)) this.#hear(worker, message);
    });
    cluster.on('disconnect', (worker) => this.#forget(worker));
    cluster.on('exit', (worker) => this.#forget(worker));
    // What they said before was heard by nobody.
    const here: Here = { tradewind: 'here' };
    for (const worker of Object.values(cluster.workers ?? {})) worker?.send(here, () => {});
  }

  /** The one of this process, which is no worker. */
  static ofProcess(): LogRegistry {
    ofThisProcess ??= new LogRegistry();
    return ofThisProcess;
  }

  /** The log of this name, which is made if need be; it lives as long as the process. */
  log(name: string, limits: HistoryLimits, clock: Clock = systemClock): SharedLog | OtherLimits {
    let log = this.#logs.get(name);
    if (log === undefined) {
      log = new SharedLog(limits, clock);
      this.#logs.set(name, log);
    }
    for (const option of ['historyCount', 'historyBytes', 'historyMs'] as const) {
      const kept = log.limits[option];
      if (kept !== limits[option]) return { option, why: `${option} is ${kept} for ${name}, not ${limits[option]}` };
    }
    return log;
  }

  #hear(worker: Worker, { session: number, requests }: ToPrimary): void {
    const ofWorker = this.#sessions.get(worker.id) ?? new Map<number, WorkerSession>();
    this.#sessions.set(worker.id, ofWorker);
    const [first] = requests;
    // It says so again, should it not know whether it was heard.
    if (first?.[0] === 'hello' && !ofWorker.has(number)) this.#begin(worker, ofWorker, number, first);
    const session = ofWorker.get(number);
    session?.do(requests);
    if (requests.at(-1)?.[0] !== 'bye') return;
    session?.close();
    ofWorker.delete(number);
  }

  #begin(worker: Worker, ofWorker: Map<number, WorkerSession>, session: number, hello: Request & { 0: 'hello' }): void {
    const [, name, limits] = hello;
    const log = this.log(name, fromWire(limits));
    if (!(log instanceof SharedLog)) {
      const reports = [['refused', log.option, log.why] as const];
      worker.send({ tradewind: 'tell', session, reports, head: null } satisfies ToWorker, () => {});
      return;
    }
    const begun = new WorkerSession(log, (reports, head, done) => {
      // One that has gone is told nothing: that it has gone comes as an event of its own.
      worker.send({ tradewind: 'tell', session, reports, head } satisfies ToWorker, () => done());
    });
    ofWorker.set(session, begun);
  }

  #forget({ id }: Worker): void {
    for (const session of this.#sessions.get(id)?.values() ?? []) session.close();
    this.#sessions.delete(id);
  }
}
