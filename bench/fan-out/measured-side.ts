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
const WARM_UP_TURNS = { least: 15, most: 150, deliveries: 150_000 };
const VOID = { cpu: NaN, user: NaN, system: NaN, bytes: NaN, clientCpu: NaN, deliveries: NaN, p50: NaN, p99: NaN };

/** A side, and its rounds of all generations of processes. */
export class MeasuredSide {
  readonly side: Side;
  readonly rounds: Round[] = [];
  readonly #workload: Workload;
  readonly #cores: Cores;
  #server: SideServer | null = null;
  #client: LoadClient | null = null;

  constructor(side: Side, workload: Workload, cores: Cores) {
    this.side = side;
    this.#workload = workload;
    this.#cores = cores;
  }

  async start(startClient: StartLoadClient): Promise<void> {
    const { subscribers, perTurn } = this.#workload;
    const wrapOf = (end: 'server' | 'client') =>
      wrapping('reason' in this.#cores ? undefined : this.#cores[end], subscribers);
    this.#server = await this.side.start(wrapOf('server'));
    this.#client = await startClient(this.#server, subscribers, wrapOf('client'));
    const { least, most, deliveries } = WARM_UP_TURNS;
    const turns = Math.min(most, Math.max(least, Math.ceil(deliveries / subscribers / perTurn)));
    const { fault } = await this.#client.run(turns, perTurn);
    if (fault !== '') console.log(`${this.side.name}, to warm up: ${fault}`);
  }

  async measure(): Promise<void> {
    const { turns, perTurn } = this.#workload;
    const before = await this.#server!.cpu();
    const result = await this.#client!.run(turns, perTurn);
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

function ofClient({ deliveries, wallNs, cpuNs, wireBytes, lastUs }: LoadResult) {
  return {
    bytes: wireBytes / deliveries,
    clientCpu: cpuNs / 1_000 / deliveries,
    deliveries: deliveries / (wallNs / 1e9),
    ...lastUs,
  };
}
