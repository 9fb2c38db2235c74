import { type Clock, systemClock } from '../../clock.js';

/**
 * The time of day by a clock, in milliseconds since the epoch: what a token's times are compared with.
 *
 * The system's clock stands still while the machine sleeps, and a token does not: there it is asked for the date each time.
 */
export function wallTime(clock: Clock): () => number {
  if (clock === systemClock) return () => Date.now();
  const offset = Date.now() - clock.now();
  return () => offset + clock.now();
}
