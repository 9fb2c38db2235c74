/** What is printed of a run. */

import { BROKERS } from './brokers.js';
import { type CheckOptions, commandOf, LONG_HISTORY } from './options.js';
import type { RunResult } from './run.js';
import { VIOLATIONS } from './violations.js';

const SHOWN_LOG_LINES = 8;

/** What is wrong with a run as a whole, beside what the judge found. */
function faultsOf({ broker, history }: CheckOptions, { verdict, crashes }: RunResult): string[] {
  const faults: string[] = [];
  if (crashes > 0) faults.push(`${crashes} servers ended by themselves`);
  if (verdict.delivered === 0) faults.push('nothing was delivered');
  if (verdict.gaps > 0 && history === LONG_HISTORY && BROKERS[broker]!.isDurable) {
    faults.push(`${verdict.gaps} gaps were told, though everything is kept`);
  }
  return faults;
}

export function isClean(options: CheckOptions, result: RunResult): boolean {
  return result.verdict.violations.total === 0 && faultsOf(options, result).length === 0;
}

export function describeRun(options: CheckOptions, result: RunResult): string {
  const { verdict, faults, rejections, logged, settledMs } = result;
  const { published, acknowledged, uncertain, refused, delivered, connects, gaps, gapsWithLoss, covered, violations } =
    verdict;
  const lines = [
    `published ${published}, acknowledged ${acknowledged}, uncertain ${uncertain}, refused ${refused}`,
    `rejected with ${tally(rejections)}`,
    `delivered ${delivered}, connections ${connects}, whole again ${(settledMs / 1_000).toFixed(1)} s after the last fault`,
    `gaps told ${gaps}, of them ${gapsWithLoss} where an acknowledged event is missing, ${covered} events in all`,
    `faults ${tally(faults)}`,
  ];
  const often = [...logged].sort(([, one], [, other]) => other - one).slice(0, SHOWN_LOG_LINES);
  for (const [line, count] of often) lines.push(`a server logged ${count} × ${line}`);
  for (const { kind, description } of violations.first)
    lines.push('', `VIOLATION ${kind}: ${VIOLATIONS[kind]}`, description);
  lines.push('');
  for (const [kind, count] of violations.counts) lines.push(`VIOLATIONS ${kind} ${count}: ${VIOLATIONS[kind]}`);
  for (const fault of faultsOf(options, result)) lines.push(`VIOLATION: ${fault}`);
  lines.push(isClean(options, result) ? 'no violation' : 'the promise was broken', `again: ${commandOf(options)}`);
  return lines.join('\n');
}

function tally(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([what, count]) => `${what || 'no code'} ${count}`).join(', ') || 'none';
}
