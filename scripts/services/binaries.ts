import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Debian has servers; not everyone's path does. */
const USUAL = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin'];

/**
 * Finds a program: in `folders`, then in the path, then in the usual folders. `SERVICES_PATH`, a path, says where to look
 * instead.
 */
export function findBinary(name: string, folders: readonly string[] = []): string | null {
  const { SERVICES_PATH: instead, PATH: path = '' } = process.env;
  const places = instead?.split(delimiter) ?? [...folders, ...path.split(delimiter), ...USUAL];
  return places.map((folder) => join(folder, name)).find(isProgram) ?? null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
