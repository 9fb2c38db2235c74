/** Names by the size of what they name, to a power of two: which is largest is known without looking at all. */
export class SizeOrder {
  /** Those of at least `2 ** (index - 1)` and less than `2 ** index`. */
  readonly #classes: Set<string>[] = [];
  readonly #classOf = new Map<string, number>();

  /** Notes a name's size, a whole number; 0: there is nothing of it any more. */
  set(name: string, size: number): void {
    const before = this.#classOf.get(name) ?? 0;
    const now = size === 0 ? 0 : Math.floor(Math.log2(size)) + 1;
    if (now === before) return;
    this.#classes[before]?.delete(name);
    if (now === 0) this.#classOf.delete(name);
    else {
      this.#classOf.set(name, now);
      let names = this.#classes[now];
      if (names === undefined) this.#classes[now] = names = new Set();
      names.add(name);
    }
  }

  /** The largest first; of those about as large, the one that has been so for longest. */
  *names(): Generator<string, void, undefined> {
    for (let index = this.#classes.length - 1; index > 0; index--) yield* this.#classes[index] ?? [];
  }

  clear(): void {
    this.#classes.length = 0;
    this.#classOf.clear();
  }
}
