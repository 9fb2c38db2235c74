/** Which faults are injected when: drawn from the seed before a run begins. */

import type { CheckOptions, FaultKind } from './options.js';
import { SeededRandom } from './random.js';

export type Fault = { readonly at: number } & (
  | { readonly kind: 'cut'; readonly share: number; readonly absentMs: number }
  | { readonly kind: 'kill'; readonly server: number; readonly forMs: number }
  | { readonly kind: 'pause'; readonly server: number; readonly forMs: number }
  | { readonly kind: 'restart engine'; readonly forMs: number }
  | { readonly kind: 'cut engine'; readonly share: number }
  | { readonly kind: 'stall engine'; readonly forMs: number }
);

/** What there is to break. */
export interface Topology {
  readonly servers: number;
  readonly hasEngine: boolean;
  /** How long a server must be silent to be given up, in milliseconds. */
  readonly silenceMs: number;
}

/** In the order of their time, in milliseconds since the start. Each kind that is asked for comes at least once. */
export function drawSchedule(options: CheckOptions, { servers, hasEngine, silenceMs }: Topology): Fault[] {
  const { seed, seconds, faults } = options;
  const endMs = seconds * 1_000;
  const mostAbsentMs = Math.min(12_000, endMs / 2);
  const schedule: Fault[] = [];
  const plan = (of: FaultKind, everyMs: number, stream: number, draw: (random: SeededRandom) => DrawnFault) => {
    if (!faults.includes(of)) return;
    const random = new SeededRandom(seed, stream);
    const meanMs = Math.min(everyMs, endMs / 2);
    for (let at = random.between(0.2, 1) * meanMs; at < endMs; at += random.between(0.3, 1.7) * meanMs) {
      schedule.push({ at: Math.round(at), ...draw(random) });
    }
  };
  plan('cuts', 500, 1, (random) => ({
    kind: 'cut',
    share: random.chance(0.05) ? 1 : Number(random.between(0.02, 0.3).toFixed(2)),
    absentMs: random.chance(0.2) ? Math.round(random.between(500, mostAbsentMs)) : 0,
  }));
  plan('kills', 4_000, 2, (random) => ({
    kind: 'kill',
    server: random.below(servers),
    forMs: Math.round(random.between(0, 1_500)),
  }));
  plan('pauses', 12_000, 3, (random) => ({
    kind: 'pause',
    server: random.below(servers),
    forMs: Math.round(silenceMs * random.between(1.2, 2)),
  }));
  if (hasEngine) {
    plan('engine', 15_000, 4, (random) => ({ kind: 'restart engine', forMs: Math.round(random.between(0, 3_000)) }));
    plan('connection', 2_500, 5, (random) =>
      random.chance(0.75)
        ? { kind: 'cut engine', share: random.chance(0.5) ? 1 : Number(random.next().toFixed(2)) }
        : { kind: 'stall engine', forMs: Math.round(random.between(100, 2_000)) },
    );
  }
  return schedule.sort((one, other) => one.at - other.at);
}

type Without<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;
type DrawnFault = Without<Fault, 'at'>;

/** A line for each fault. */
export function describeFault({ at, kind, ...details }: Fault): string {
  const rest = Object.entries(details).map(([name, value]) => `${name} ${value}`);
  return `${(at / 1_000).toFixed(2).padStart(7)} s  ${kind}${rest.length > 0 ? `, ${rest.join(', ')}` : ''}`;
}
