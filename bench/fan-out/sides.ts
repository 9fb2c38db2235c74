import type { Programs } from '../support/compile.js';
import { FloorSide } from './floor-side.js';
import { NchanSide } from './nchan-side.js';
import { NodeSide } from './node-side.js';
import type { DataKind } from './payloads.js';
import type { AppName } from './server.js';
import type { Side, Workload } from './side.js';

export interface Sides {
  readonly all: readonly Side[];
  readonly betterSse: Side;
  /** Null without a compiler. */
  readonly floor: Side | null;
}

/**
 * All sides that this machine and the workload allow for. Says in a line what is left out.
 *
 * @param programs - null where there is no compiler.
 */
export function findSides(data: DataKind, workload: Workload, programs: Programs | null): Sides {
  const node = (name: string, app: AppName) => new NodeSide(name, app, data, workload);
  const isMany = workload.perTurn > 1;
  const betterSse = node('better-sse broadcast', 'better-sse');
  const floor = programs === null ? null : new FloorSide(programs.floor, workload);
  // It is published to in a way that only the client in C knows.
  const nchan = programs === null ? null : NchanSide.find(workload);
  if (floor === null)
    console.log('No C compiler: left out are the floor and the client in C, for which one in Node stands in.');
  else if (nchan === null) console.log('No Nchan, which is of the package libnginx-mod-nchan: left out.');
  const all = [
    betterSse,
    ...(isMany ? [node('better-sse batch, by hand', 'better-sse batch')] : []),
    node('writeMessage loop', 'loop'),
    node('broker publish', 'broker'),
    // Of a turn, a DataStore brings the newest alone.
    ...(isMany ? [] : [node('store submit', 'store'), node('store iterator', 'store iterator')]),
    node('frame loop', 'frames'),
    node('bare res.write', 'bare'),
    ...(nchan === null ? [] : [nchan]),
    ...(floor === null ? [] : [floor]),
  ];
  return { all, betterSse, floor };
}
