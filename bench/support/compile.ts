/** Programs in C, compiled on the spot. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const sources = new URL('../native/', import.meta.url);

export interface Programs {
  readonly load: string;
  readonly floor: string;
}

/** Compiles `load.c` and `floor.c` into the temporary folder, until this process exits; null where there is no compiler. */
export function compilePrograms(): Programs | null {
  if (process.platform !== 'linux' || spawnSync('cc', ['--version']).status !== 0) return null;
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return { load: compile('load', folder), floor: compile('floor', folder) };
}

function compile(name: string, folder: string): string {
  const program = join(folder, name);
  const source = fileURLToPath(new URL(`${name}.c`, sources));
  const { status, stderr } = spawnSync('cc', ['-O2', '-o', program, source], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cc does not compile ${source}:\n${stderr}`);
  return program;
}
