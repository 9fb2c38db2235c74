/** The ids that publishers gave to the events of one channel, or of all that match a pattern. */
export class NatsOwnIds {
  readonly #historyCount: number;
  /** How many events each subject has had, since this looks at it. */
  readonly #counts = new Map<string, number>();
  #places = new Map<string, Place[]>();
  #kept = 0;
  #sequence = 0;

  /** @param historyCount - how many events of each subject are kept. */
  constructor(historyCount: number) {
    this.#historyCount = historyCount;
  }

  /** Takes an event; what has been taken already is left out. */
  add(subject: string, sequence: number, id: string | null): void {
    if (sequence <= this.#sequence) return;
    this.#sequence = sequence;
    const ordinal = (this.#counts.get(subject) ?? 0) + 1;
    this.#counts.set(subject, ordinal);
    if (id === null) return;
    const places = this.#places.get(id)?.filter((place) => this.#isKept(place)) ?? [];
    this.#places.set(id, [...places, { subject, sequence, ordinal }]);
    if (++this.#kept > 2 * this.#historyCount * this.#counts.size + 1_000) this.#sweep();
  }

  /** Where the first event that is kept and has this id is, on each subject that has one. */
  find(id: string): readonly number[] {
    const first = new Map<string, number>();
    for (const place of this.#places.get(id) ?? []) {
      if (this.#isKept(place) && !first.has(place.subject)) first.set(place.subject, place.sequence);
    }
    return [...first.values()];
  }

  #isKept({ subject, ordinal }: Place): boolean {
    return ordinal > (this.#counts.get(subject) ?? 0) - this.#historyCount;
  }

  #sweep(): void {
    const kept = [...this.#places].map(([id, places]) => [id, places.filter((place) => this.#isKept(place))] as const);
    this.#places = new Map(kept.filter(([, places]) => places.length > 0).map(([id, places]) => [id, [...places]]));
    this.#kept = this.#places.size;
  }
}

interface Place {
  readonly subject: string;
  readonly sequence: number;
  /** Which event of its subject it is. */
  readonly ordinal: number;
}
