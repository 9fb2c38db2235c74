import { figureTable } from '../support/figures.js';
import { inMarkdown, inWords, type Report } from '../support/report.js';

/** The page with everything between `<!-- origin -->` and `<!-- /origin -->`, and so on, as it was measured last. */
export function withFigures(page: string, results: Report): string {
  const parts = {
    origin: inWords(results),
    figures: inMarkdown(figureTable(results.figures)),
    tables: tablesOf(results),
  };
  return Object.entries(parts).reduce((text, [name, part]) => replaced(text, name, part), page);
}

function replaced(page: string, name: string, part: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`The page has no ${start} … ${end}`);
  return `${page.slice(0, from)}${start}\n\n${part}\n\n${page.slice(to)}`;
}

function tablesOf({ sections }: Report): string {
  return sections.flatMap(({ title, tables }) => [`**${title}**`, ...tables.map(inMarkdown)]).join('\n\n');
}
