/** Has the sides of a bench of a broker publish in turns, each in a process of its own, and prints how they compare. */

import type { Publish, Start, Times, Used } from './broker-side.js';
import { Helper, median, option, printTable, ratios, spread } from './processes.js';

export interface SideOptions {
  /** `broker`, or one of the ways of the engine's own client that the side's file knows. */
  readonly kind: string;
  /** What it does, in the table of rates. */
  readonly title: string;
  /** The rates of the others are told over this side's, in a column of this name. @defaultValue there is none */
  readonly ratioTitle?: string;
  /** What it does to be heard, in the table of latency; null: it is not heard. @defaultValue `title` */
  readonly heardTitle?: string | null;
}

export interface BrokerBenchOptions {
  /** In `bench/support/`. */
  readonly sideFile: string;
  /** The first is what the others' latency is told over. */
  readonly sides: readonly SideOptions[];
  /** What a side is made with. */
  optionsOf(kind: string): object;
  /** How many events a round has, unless the command line says it. */
  readonly events: number;
  /** The program that keeps the events, and what CPU time it has used so far, in ms. @defaultValue it is the side's own process */
  readonly engine?: { readonly title: string; cpuMs(): number | Promise<number> };
}

/** What the rounds of one side told, an item a round. */
interface Rounds {
  readonly rates: number[];
  readonly cpu: number[];
  readonly engineCpu: number[];
}

export interface StartedSide {
  readonly helper: Helper;
  readonly opened: Used;
}

const LATENCY_ROUNDS = 20;
const LATENCY_EVENTS = 200;

export class BrokerBench {
  readonly #options: BrokerBenchOptions;
  readonly #helpers: readonly Helper[];
  readonly #events: number;
  readonly #burst = option('burst', 1_000);
  readonly #rounds = option('rounds', 7);

  private constructor(options: BrokerBenchOptions, helpers: readonly Helper[]) {
    this.#options = options;
    this.#helpers = helpers;
    this.#events = option('events', options.events);
  }

  static async start(options: BrokerBenchOptions): Promise<BrokerBench> {
    const helpers: Helper[] = [];
    for (const { kind } of options.sides)
      helpers.push((await startSide(options.sideFile, kind, options.optionsOf(kind))).helper);
    return new BrokerBench(options, helpers);
  }

  /** Publishes in bursts, and prints how fast that was. */
  async printRates(): Promise<void> {
    const sides = this.#helpers.map((): Rounds => ({ rates: [], cpu: [], engineCpu: [] }));
    for (const helper of this.#helpers) await this.#publish(helper, this.#events / 5);
    for (let round = 0; round < this.#rounds; round++) {
      for (let turn = 0; turn < sides.length; turn++) {
        const side = (round + turn) % sides.length;
        await this.#addRound(this.#helpers[side]!, sides[side]!);
      }
    }
    printTable(this.#rateRows(sides));
  }

  async #addRound(helper: Helper, { rates, cpu, engineCpu }: Rounds): Promise<void> {
    const { engine } = this.#options;
    const before = await engine?.cpuMs();
    const { ms, cpuMs } = await this.#publish(helper, this.#events);
    rates.push((this.#events / ms) * 1_000);
    cpu.push((cpuMs / this.#events) * 1_000);
    if (engine !== undefined) engineCpu.push((((await engine.cpuMs()) - before!) / this.#events) * 1_000);
  }

  #publish(helper: Helper, count: number): Promise<Used> {
    const question: Publish = { do: 'publish', count, burst: this.#burst };
    return helper.ask(question);
  }

  #rateRows(rounds: readonly Rounds[]): string[][] {
    const { sides, engine } = this.#options;
    const bases = sides.flatMap(({ ratioTitle }, base) => (ratioTitle === undefined ? [] : [{ ratioTitle, base }]));
    const engineTitles = engine === undefined ? [] : [`CPU of ${engine.title}, µs/event`];
    const ratioTitles = bases.map(({ ratioTitle }) => ratioTitle);
    return [
      ['', 'events/s', 'CPU of the publisher, µs/event', ...engineTitles, ...ratioTitles],
      ...rounds.map(({ rates, cpu, engineCpu }, side) => [
        sides[side]!.title,
        spread(rates, 0),
        spread(cpu),
        ...engineTitles.map(() => spread(engineCpu)),
        ...bases.map(({ base }) => (base === side ? '' : spread(ratios(rates, rounds[base]!.rates)))),
      ]),
    ];
  }

  /** Publishes one event after the other, and prints how long each took: until it was kept (`single`), or was heard (`latency`). */
  async printTimes(question: 'single' | 'latency', heading: string): Promise<void> {
    const sides = this.#options.sides.flatMap(({ title, heardTitle = title }, index) => {
      const sideTitle = question === 'single' ? title : heardTitle;
      return sideTitle === null ? [] : [{ sideTitle, helper: this.#helpers[index]!, rounds: [] as Times['micros'][] }];
    });
    for (let round = 0; round < LATENCY_ROUNDS; round++) {
      for (const { helper, rounds } of sides)
        rounds.push((await helper.ask<Times>({ do: question, count: LATENCY_EVENTS })).micros);
    }
    const bare = sides[0]!.rounds.map(median);
    printTable([
      [heading, 'median of a round, µs', '99 of 100 below, µs', 'median over bare'],
      ...sides.map(({ sideTitle, rounds }, index) => {
        const medians = rounds.map(median);
        const over = index === 0 ? '' : spread(ratios(medians, bare));
        return [sideTitle, spread(medians, 0), below99(rounds.flat()).toFixed(0), over];
      }),
    ]);
  }

  async stop(): Promise<void> {
    for (const helper of this.#helpers) await helper.stop();
  }
}

/** Starts a process for one side, and says what it took to be ready. */
export async function startSide(sideFile: string, kind: string, options: object): Promise<StartedSide> {
  const helper = await Helper.startBundle(new URL(sideFile, import.meta.url));
  const start: Start<object> = { do: 'start', kind, options };
  return { helper, opened: await helper.ask<Used>(start) };
}

/** Below which 99 of 100 are. */
function below99(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length * 0.99)] ?? 0;
}
