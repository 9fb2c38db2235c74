import { compilePrograms, type Programs } from '../support/compile.js';
import { option } from '../support/processes.js';
import { type Cores, findCores } from '../support/wrapping.js';
import { nativeLoadClient, nodeLoadClient, type StartLoadClient } from './load-client.js';
import type { Workload } from './side.js';

/** What a run has at hand, and how often it is to measure. */
export interface Setting {
  /** Null where there is no compiler. */
  readonly programs: Programs | null;
  readonly cores: Cores;
  readonly startClient: StartLoadClient;
  /** How often every side is started anew. */
  readonly processes: number;
  /** How often each of these is measured. */
  readonly rounds: number;
}

/**
 * Looks at the machine and at the command line. Says in a line what the machine lacks.
 *
 * @param often - unless the command line says otherwise.
 */
export function findSetting(often: { readonly processes: number; readonly rounds: number }): Setting {
  const programs = compilePrograms();
  if (programs === null)
    console.log('No C compiler: left out are the floor, Nchan and the client in C, for which one in Node stands in.');
  return {
    programs,
    cores: findCores(),
    startClient: programs === null ? nodeLoadClient : nativeLoadClient(programs.load),
    processes: option('processes', often.processes),
    rounds: option('rounds', often.rounds),
  };
}

/** One event of 100 bytes a turn for 1,000 subscribers, unless a bench or the command line says otherwise. */
export function findWorkload(given: Partial<Workload> = {}): Workload {
  const { subscribers = 1_000, turns = 60, ...others } = given;
  const asked = { subscribers: option('subscribers', subscribers), turns: option('events', turns) };
  return { perTurn: 1, bytes: 100, data: 'string', ...others, ...asked };
}

/** In words. */
export function describeSetting({ cores, processes, rounds }: Setting): string {
  const where =
    'reason' in cores
      ? `not pinned: ${cores.reason}`
      : `server on core ${cores.server}, client on core ${cores.client}`;
  return `${processes} × ${rounds} rounds; ${where}`;
}
