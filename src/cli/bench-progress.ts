/** The line that a terminal shows while a load test runs. */

import type { Clock, Timer } from '../clock.js';
import { progressText } from './bench-report.js';
import type { LoadFigures } from './load-figures.js';

const INTERVAL_MS = 250;
const START_OF_EMPTY_LINE = '\r\x1b[K';

/** Shows it at once and then four times a second. @returns how to end it: the line is empty again then. */
export function showProgress(figures: LoadFigures, clock: Clock, write: (text: string) => void): () => void {
  let timer: Timer;
  let [events, at] = [0, clock.now()];
  const show = () => {
    const now = clock.now();
    const eventsPerSecond = now === at ? 0 : ((figures.events - events) * 1_000) / (now - at);
    [events, at] = [figures.events, now];
    write(`${START_OF_EMPTY_LINE}${progressText(figures, eventsPerSecond)}`);
    timer = clock.setTimeout(show, INTERVAL_MS);
  };
  show();
  return () => {
    timer.cancel();
    write(START_OF_EMPTY_LINE);
  };
}
