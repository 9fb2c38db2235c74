import { type Cores, wrapping } from '../support/wrapping.js';
import type { LoadClient, LoadResult, StartLoadClient } from './load-client.js';
import type { Side, SideServer, Workload } from './side.js';

/** What a round of one side told; NaN where it was void. */
export interface Round {
  /** µs of the server's CPU for each delivery. */
  readonly cpu: number;
  readonly user: number;
  readonly system: number;
  /** On the wire, for each delivery. */
  readonly bytes: number;
  /** µs of the client's CPU for each delivery. */
  readonly clientCpu: number;
  /** For each second of wall time. */
  readonly deliveries: number;
  /** µs to the last subscriber. */
  readonly p50: number;
  readonly p99: number;
}

/** So that what is measured is compiled. */
const WARM_UP_TURNS = { least: 15, most: 150, deliveries: 2_000_000 };
/** Sides that are slow are asked less often than others, so that they do not take most of the time of all. */
const MAX_MS = 1_000;
const LEAST_TURNS = 5;
const VOID = { cpu: NaN, user: NaN, system: NaN, bytes: NaN, clientCpu: NaN, deliveries: NaN, p50: NaN, p99: NaN };

/** A side, and its rounds of all generations of processes. */
export class MeasuredSide {
  readonly side: Side;
  readonly rounds: Round[] = [];
  readonly #workload: Workload;
  readonly #cores: Cores;
  /** Of a round. */
  #turns: number;
  #server: SideServer | null = null;
  #client: LoadClient | null = null;

  constructor(side: Side, workload: Workload, cores: Cores) {
    this.side = side;
    this.#workload = workload;
    this.#cores = cores;
    this.#turns = workload.turns;
  }

  async start(startClient: StartLoadClient): Promise<void> {
    const { subscribers, perTurn } = this.#workload;
    const wrapOf = (end: 'server' | 'client') =>
      wrapping('reason' in this.#cores ? undefined : this.#cores[end], subscribers);
    this.#server = await this.side.start(wrapOf('server'));
    this.#client = await startClient(this.#server, subscribers, wrapOf('client'));
    if (this.#workload.isCold) return;
    const { least, most, deliveries } = WARM_UP_TURNS;
    const more = Math.min(most, Math.ceil(deliveries / subscribers / perTurn)) - least;
    const ms = await this.#warmUp(least);
    if (more > 0) await this.#warmUp(atMost(MAX_MS / ms, more));
    this.#turns = atMost(MAX_MS / (await this.#warmUp(LEAST_TURNS)), this.#workload.turns);
  }

  /** How long a turn takes, in milliseconds. */
  async #warmUp(turns: number): Promise<number> {
    const { fault, wallNs } = await this.#client!.run(turns, this.#workload.perTurn);
    if (fault !== '') console.log(`${this.side.name}, to warm up: ${fault}`);
    return wallNs / 1e6 / turns;
  }

  async measure(): Promise<void> {
    const before = await this.#server!.cpu();
    const result = await this.#client!.run(this.#turns, this.#workload.perTurn);
    const after = await this.#server!.cpu();
    if (!result.ok) console.log(`${this.side.name}, a void round: ${result.fault}`);
    const { deliveries } = result;
    this.rounds.push(
      result.ok
        ? {
            cpu: (after.total - before.total) / deliveries,
            user: (after.user - before.user) / deliveries,
            system: (after.system - before.system) / deliveries,
            ...ofClient(result),
          }
        : VOID,
    );
  }

  async stop(): Promise<void> {
    await Promise.all([this.#client?.stop(), this.#server?.stop()]);
  }
}

/** How many turns there is time for. */
function atMost(affordable: number, turns: number): number {
  return Math.min(turns, Math.max(LEAST_TURNS, Math.floor(affordable)));
}

function ofClient({ deliveries, wallNs, cpuNs, wireBytes, lastUs }: LoadResult) {
  return {
    bytes: wireBytes / deliveries,
    clientCpu: cpuNs / 1_000 / deliveries,
    deliveries: deliveries / (wallNs / 1e9),
    ...lastUs,
  };
}
