/** What `tradewind bench` says: for a person, and for a program. */

import type { Distribution } from './distribution.js';
import type { LoadFigures, Reasons } from './load-figures.js';
import type { LoadTarget } from './load-generator.js';
import { count, seconds, withoutPassword } from './wording.js';

const PERCENTILES = [50, 90, 99, 99.9];
const LONGEST_BAR = 40;
/** A server may give every connection another reason. */
const MOST_REASONS = 20;
/** And so many connections are named for each; the first ten are in JSON. */
const MOST_NAMED = 5;
/** From here on the figures tell of this process as much as of the server. */
const BUSY = 0.8;

export function benchText({ url, method }: LoadTarget, figures: LoadFigures): string {
  const { opened, failures, endings, events, bytes, elapsedMs, eventsPerSecond, isSteady, busy } = figures;
  const sections = [
    `${method} ${withoutPassword(url.href)}, for ${seconds(elapsedMs)}\n`,
    [
      `connections  ${whole(opened)} opened, ${whole(failures.count)} failed, ${whole(endings.count)} closed early\n`,
      `events       ${whole(events)}, ${rounded(eventsPerSecond)} a second${isSteady ? ' after the ramp' : ''}\n`,
      `bytes        ${whole(bytes)}\n`,
    ].join(''),
    plot('Time to first byte, from connecting to the headers', 'stream', figures.firstByte),
    plot('Gap between the events of one stream', 'gap', figures.gaps),
    reasonsText('Failed', failures, figures.begun),
    reasonsText('Closed early', endings, opened),
    // Without a stream there are no times.
    busy < BUSY || opened === 0
      ? ''
      : `This process was busy ${Math.round(busy * 100)} % of the time: some of these times are its own.\n`,
  ];
  return sections.filter((section) => section !== '').join('\n');
}

/** The same figures. Times are in milliseconds; a distribution's `bars` are what is plotted. */
export function benchJson({ url, method }: LoadTarget, figures: LoadFigures): string {
  const { asked, begun, opened, failures, endings, events, bytes, elapsedMs, eventsPerSecond, isSteady, busy } =
    figures;
  const json = {
    url: withoutPassword(url.href),
    method,
    elapsedMs,
    connections: { asked, begun, opened, failed: failures.count, closedEarly: endings.count },
    events,
    bytes,
    eventsPerSecond,
    isSteady,
    firstByteMs: distributionJson(figures.firstByte),
    gapMs: distributionJson(figures.gaps),
    failures: failures.list(),
    endings: endings.list(),
    busy,
  };
  return `${JSON.stringify(json, (_key, value) => (typeof value === 'number' ? toMicro(value) : value), 2)}\n`;
}

/** The line that is shown meanwhile. */
export function progressText({ asked, open, failures, events }: LoadFigures, eventsPerSecond: number): string {
  const failed = failures.count;
  const opened = `${whole(open)} of ${whole(asked)} open${failed === 0 ? '' : `, ${whole(failed)} failed`}`;
  return `${opened}, ${whole(events)} events, ${rounded(eventsPerSecond)} a second`;
}

function plot(title: string, what: string, distribution: Distribution): string {
  const { count: number, maxMs } = distribution;
  if (number === 0) return '';
  const percentiles = PERCENTILES.map((percent) => `${percent} % ${duration(distribution.percentileMs(percent))}`);
  const bars = distribution.bars();
  const most = Math.max(...bars.map((bar) => bar.count));
  const lines = bars.map((bar) => {
    const length = Math.ceil((bar.count / most) * LONGEST_BAR);
    return `  ${`≤ ${duration(bar.upToMs)}`.padStart(10)}  ${'█'.repeat(length)}${length === 0 ? '' : ' '}${whole(bar.count)}\n`;
  });
  return `${title}: ${whole(number)} ${what}${number === 1 ? '' : 's'}\n  ${[...percentiles, `max ${duration(maxMs)}`].join(', ')}\n${lines.join('')}`;
}

function distributionJson(distribution: Distribution) {
  return {
    count: distribution.count,
    ...Object.fromEntries(PERCENTILES.map((percent) => [`p${percent}`, distribution.percentileMs(percent)])),
    max: distribution.maxMs,
    bars: distribution.bars(),
  };
}

function reasonsText(title: string, reasons: Reasons, of: number): string {
  if (reasons.count === 0) return '';
  const lines = reasons
    .list()
    .map(
      ({ reason, count, connections }) =>
        `  ${whole(count)} of ${whole(of)}: ${reason} (${which(count, connections)})\n`,
    );
  const rest = lines.splice(MOST_REASONS).length;
  return `${title}:\n${lines.join('')}${rest === 0 ? '' : `  and for ${count(rest, 'more reason')}\n`}`;
}

/** Which connections, by number, or the first of them. */
function which(count: number, connections: readonly number[]): string {
  const named = connections.slice(0, MOST_NAMED).join(', ');
  return `connection${count === 1 ? '' : 's'} ${named}${count > MOST_NAMED ? ', …' : ''}`;
}

/** With as many figures as are worth it. */
function duration(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1_000)} µs`;
  if (ms >= 10_000) return `${(ms / 1_000).toFixed(ms < 100_000 ? 1 : 0)} s`;
  return ms < 100 ? `${Number(ms.toPrecision(3))} ms` : `${whole(ms)} ms`;
}

function whole(number: number): string {
  return Math.round(number).toLocaleString('en-US');
}

/** A time in milliseconds is not known any closer. */
function toMicro(number: number): number {
  return Math.round(number * 1_000) / 1_000;
}

function rounded(number: number): string {
  return number > 0 && number < 10 ? number.toFixed(1) : whole(number);
}
