/** Reads the documentation and the source, for the specs that compare them. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The absolute path of a file of the repository. */
export function pathOf(name: string): string {
  return join(root, name);
}

export function readPage(name: string): string {
  return readFileSync(pathOf(name), 'utf8');
}

/** The files below a folder with this ending, as paths from the repository's root, in order. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(pathOf(folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .sort();
}

/** Every TypeScript file of `src/`, by its path. */
export function readSources(): Map<string, string> {
  return new Map(filesBelow('src', '.ts').map((name) => [name, readPage(name)]));
}

/** The cells of the tables' rows in a section of a page, without the heads; all sections when none is named. */
export function rowsOf(page: string, section?: string): string[][] {
  const sections = page.split(/^(?=#+ )/m);
  const chosen = sections.filter((text) => section === undefined || text.startsWith(`## ${section}\n`));
  if (chosen.length === 0) throw new Error(`The page has no section ${JSON.stringify(section)}.`);
  return chosen.flatMap((text) => {
    const lines = text.split('\n').filter((line) => line.startsWith('|'));
    const isHead = (index: number) => /^\|[-: |]+\|$/.test(lines[index + 1] ?? '');
    return lines
      .filter((line, index) => !isHead(index) && !/^\|[-: |]+\|$/.test(line))
      .map((line) =>
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      );
  });
}
