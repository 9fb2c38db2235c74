import { FloorSide } from './floor-side.js';
import { NchanSide } from './nchan-side.js';
import { NodeSide } from './node-side.js';
import { PushpinSide } from './pushpin-side.js';
import type { AppName } from './server.js';
import type { Setting } from './setting.js';
import type { Side, Workload } from './side.js';

/** What this machine can measure for a workload. */
export class Sides {
  /** Null without a compiler. */
  readonly floor: Side | null;
  /** Null where it is not installed, and without a compiler: it is published to in a way that only the client in C knows. */
  readonly nchan: Side | null;
  /** Null as {@link nchan} is. */
  readonly pushpin: Side | null;
  readonly #workload: Workload;
  readonly #ofNode = new Map<AppName, Side>();

  constructor({ programs }: Pick<Setting, 'programs'>, workload: Workload) {
    this.#workload = workload;
    this.floor = programs === null ? null : new FloorSide(programs.floor, workload);
    this.nchan = programs === null ? null : NchanSide.find(workload);
    this.pushpin = programs === null ? null : PushpinSide.find(workload);
  }

  get betterSse(): Side {
    return this.node('better-sse broadcast');
  }

  get broker(): Side {
    return this.node('broker publish');
  }

  /** Those that targets are about. */
  get judged(): Side[] {
    const batch = this.node('better-sse batch, by hand');
    return [this.broker, this.betterSse, batch, ...present(this.nchan), ...present(this.floor)];
  }

  /** The same each time. */
  node(app: AppName): Side {
    const side = this.#ofNode.get(app) ?? new NodeSide(app, this.#workload);
    this.#ofNode.set(app, side);
    return side;
  }

  /** All that can take part. Of several events in a turn, a DataStore brings the newest alone. */
  all(): Side[] {
    const isMany = this.#workload.perTurn > 1;
    const ofNode: AppName[] = [
      'better-sse broadcast',
      ...(isMany ? (['better-sse batch, by hand'] as const) : []),
      'express-sse',
      '@fastify/sse',
      'fastify-sse-v2',
      'hono streamSSE',
      'bare res.write',
      'writeMessage loop',
      'broker publish',
      ...(isMany ? [] : (['store submit', 'store iterator'] as const)),
      'frame loop',
    ];
    return [...ofNode.map((app) => this.node(app)), ...present(this.nchan), ...present(this.floor)];
  }
}

/** A side, if there is one. */
export function present(side: Side | null): Side[] {
  return side === null ? [] : [side];
}
