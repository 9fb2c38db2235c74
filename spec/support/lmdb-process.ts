import type { ExecutionContext } from 'ava';
import { type Program, startProgram } from './program.js';

/** A process that runs `lmdb-program.ts`. */
export interface LmdbProcess extends Program {
  /** Resolves with the first line that begins so, from those that have come and those that will. */
  line(beginning: string): Promise<string>;
}

export function startLmdbProgram(t: ExecutionContext, path: string, what: string, from = 0): LmdbProcess {
  const program = startProgram(t, 'lmdb-program.ts', { args: [path, what, `${from}`] });
  const line = async (beginning: string) => {
    const [found] = await program.told(new RegExp(`^${beginning}`));
    return found!.input;
  };
  return { ...program, line };
}
