/**
 * Keeps the rows of a table's body as a list has them: each item has a row of its own, by its key, which stays the same element, so that focus
 * and selection survive. While somebody points at the table, or is in it by keyboard, rows do not change places under their hand.
 */
export class KeyedRows {
  #body;
  #keyOf;
  #make;
  #rows = new Map();

  /** @param make - makes `{ row, update(item) }` for an item. */
  constructor(body, keyOf, make) {
    this.#body = body;
    this.#keyOf = keyOf;
    this.#make = make;
  }

  update(items) {
    const gone = new Set(this.#rows.keys());
    const rows = items.map((item) => {
      const key = this.#keyOf(item);
      gone.delete(key);
      const made = this.#rows.get(key) ?? this.#make(item);
      this.#rows.set(key, made);
      made.update(item);
      return made.row;
    });
    for (const key of gone) {
      this.#rows.get(key).row.remove();
      this.#rows.delete(key);
    }
    if (this.#isHeld) this.#body.append(...rows.filter((row) => !row.isConnected));
    else for (const [index, row] of rows.entries()) this.#place(row, index);
  }

  get #isHeld() {
    return this.#body.matches(':hover') || this.#body.contains(document.activeElement);
  }

  #place(row, index) {
    const there = this.#body.children[index] ?? null;
    if (there !== row) this.#body.insertBefore(row, there);
  }
}
