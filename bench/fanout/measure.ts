import { shuffled } from '../support/processes.js';
import { MeasuredSide } from './measured-side.js';
import type { Setting } from './setting.js';
import type { Side, Workload } from './side.js';

/**
 * Starts all sides, has each measured in every round, in random order, and begins again with new processes.
 *
 * @param judged - sides whose ratios count. They are measured one right after the other, since another process that comes or goes in
 *   the midst of a round of many sides would weigh on one of them alone.
 */
export async function measureSides(
  sides: readonly Side[],
  workload: Workload,
  { cores, startClient, processes, rounds }: Setting,
  judged = sides,
): Promise<MeasuredSide[]> {
  const all = sides.map((side) => new MeasuredSide(side, workload, cores));
  const isJudged = ({ side }: MeasuredSide) => judged.includes(side);
  const groups = [all.filter(isJudged), all.filter((measured) => !isJudged(measured))];
  for (let generation = 0; generation < processes; generation++) {
    try {
      for (const measured of shuffled(all)) await measured.start(startClient);
      for (let round = 0; round < rounds; round++) {
        for (const measured of shuffled(groups).flatMap(shuffled)) await measured.measure();
      }
    } finally {
      await Promise.all(all.map((measured) => measured.stop()));
    }
  }
  return all;
}

/** In words. */
export function describeWorkload({ subscribers, turns, perTurn, bytes, data }: Workload): string {
  const each = data === 'chat' ? 'chat messages' : `events of ${bytes} bytes (${data})`;
  return `${subscribers.toLocaleString('en')} subscribers, up to ${turns} × ${perTurn} ${each}`;
}
