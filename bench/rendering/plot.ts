/** A bar for each side of the fan-out. Large letters: a phone shows it 400 pixels wide, and then they are still read. */

import { valid } from '../support/figures.js';
import { median } from '../support/processes.js';
import type { Report } from '../support/report.js';

interface Bar {
  readonly name: string;
  readonly us: number;
}

const WIDTH = 720;
const MARGIN = 24;
const FIRST_ROW = 128;
const ROW = 54;
const BAR = 18;
/** Beside the longest bar, for its number. */
const NUMBER = 90;

const OURS = ['broker publish', 'writeMessage loop', 'store submit', 'store iterator'];
/** What is no library, for readers who do not know the tables. */
const BARE: Record<string, string> = {
  'C, send() of bytes that are ready': 'the floor: a loop in C over the sockets',
  'frame loop': 'a loop in Node over the sockets',
  'bare res.write': "Node's http, res.write",
};

/** µs of server CPU a delivery, one event a turn: the floor first, then from the least on. */
export function plotOf(results: Report): string {
  const bars = barsOf(results);
  const scale = (WIDTH - 2 * MARGIN - NUMBER) / Math.max(...bars.map(({ us }) => us));
  const height = FIRST_ROW + bars.length * ROW + MARGIN;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    '<title>Server CPU for each delivered event, in microseconds, of each library</title>',
    STYLE,
    `<rect class="paper" width="${WIDTH}" height="${height}" rx="8"/>`,
    `<text class="title" x="${MARGIN}" y="44">µs of server CPU for each delivery</text>`,
    `<text class="note" x="${MARGIN}" y="72">1,000 subscribers, one event of 100 bytes a turn; less is better</text>`,
    ...originOf(results).map(
      (line, row) => `<text class="note" x="${MARGIN}" y="${94 + row * 22}">${escaped(line)}</text>`,
    ),
    ...bars.map((bar, row) => drawn(bar, FIRST_ROW + row * ROW, bar.us * scale)),
    '</svg>',
  ].join('\n')}\n`;
}

/** In two lines, since names of processors are long. */
function originOf({ processor, ...results }: Report): string[] {
  return [`${results.date}, ${results.commit}, Node ${results.node.slice(1)}`, processor];
}

function barsOf({ sections }: Report): Bar[] {
  const values = sections[0]!.values as Record<string, { readonly cpu: readonly (number | null)[] }>;
  const bars = Object.entries(values).map(([name, { cpu }]) => ({ name, us: median(valid(cpu)) }));
  const isFloor = ({ name }: Bar) => name.startsWith('C,');
  return bars
    .filter(({ us }) => !Number.isNaN(us))
    .toSorted((one, other) => Number(isFloor(other)) - Number(isFloor(one)) || one.us - other.us);
}

function drawn({ name, us }: Bar, top: number, length: number): string {
  const kind = OURS.includes(name) ? 'ours' : name in BARE ? 'bare' : 'theirs';
  const label = kind === 'ours' ? `Tradewind, ${name}` : (BARE[name] ?? name);
  return [
    `<text x="${MARGIN}" y="${top + 22}"${kind === 'ours' ? ' class="own"' : ''}>${escaped(label)}</text>`,
    `<rect class="${kind}" x="${MARGIN}" y="${top + 29}" width="${length.toFixed(1)}" height="${BAR}" rx="3"/>`,
    `<text x="${(MARGIN + length + 8).toFixed(1)}" y="${top + 29 + BAR - 2}">${us.toFixed(1)}</text>`,
  ].join('\n');
}

function escaped(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** On paper of its own, so that it is read on whatever page it stands. */
const STYLE = `<style>
  text { font: 20px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f }
  .paper { fill: #ffffff; stroke: #d0d7de }
  .title { font-size: 28px; font-weight: 600 }
  .note { font-size: 18px; fill: #57606a }
  .own { font-weight: 600 }
  .ours { fill: #0969da } .theirs { fill: #afb8c1 } .bare { fill: #57606a }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .paper { fill: #0d1117; stroke: #30363d }
    .note { fill: #9198a1 }
    .ours { fill: #4493f8 } .theirs { fill: #57606a } .bare { fill: #9198a1 }
  }
</style>`;
