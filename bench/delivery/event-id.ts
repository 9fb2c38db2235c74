/** Where an id stands in its broker's order. */

export interface IdPlace {
  /** What comes before the number: ids of two histories say nothing of each other's order. */
  readonly history: string;
  readonly sequence: number;
}

/**
 * Reads `<history>-<sequence>` or `<sequence>`, which is how every broker of ours writes an id. Null for anything else.
 *
 * The judge needs an order that does not come from what clients saw: an event that nobody saw has a place in it as well.
 */
export function parseEventId(id: string): IdPlace | null {
  const [, history, digits] = /^(.*-)?(\d{1,16})$/s.exec(id) ?? [];
  const sequence = Number(digits);
  return Number.isSafeInteger(sequence) ? { history: history ?? '', sequence } : null;
}
