/** What is wrong with a run. */

/** What can be wrong, in the words that are printed. */
export const VIOLATIONS = {
  missing: 'an acknowledged event is missing, and no gap was told',
  unfinished: 'an acknowledged event never came, though all faults were over',
  disconnected: 'the client had no subscription at the end, though all faults were over',
  disordered: 'an event came after one that it precedes',
  repeated: 'an event came twice',
  foreign: 'an event came of a channel that was not subscribed to',
  invented: 'an event came that nobody published',
  refused: 'an event came whose publish was rejected as not kept',
  id: 'an event has another id than the one that it was acknowledged with, or shares it with another event',
  resumed: 'subscribe() resolved with something other than what happened',
  time: 'an event precedes one that was acknowledged before it was published',
  turn: 'two events of one publisher are not in the order of its calls',
  unsettled: 'a publish neither resolved nor rejected, though all faults were over',
} as const;

export type ViolationKind = keyof typeof VIOLATIONS;

export interface Violation {
  readonly kind: ViolationKind;
  /** Several lines, for a person. */
  readonly description: string;
}

/** Counts violations, and describes the first few of each kind: there may be millions. */
export class Violations {
  readonly counts = new Map<ViolationKind, number>();
  readonly first: Violation[] = [];
  readonly #describedOfKind: number;

  constructor(describedOfKind = 3) {
    this.#describedOfKind = describedOfKind;
  }

  get total(): number {
    let total = 0;
    for (const count of this.counts.values()) total += count;
    return total;
  }

  add(kind: ViolationKind, describe: () => string): void {
    const before = this.counts.get(kind) ?? 0;
    this.counts.set(kind, before + 1);
    if (before < this.#describedOfKind) this.first.push({ kind, description: describe() });
  }
}
