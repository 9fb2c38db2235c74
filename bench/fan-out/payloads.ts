export type DataKind = 'string' | 'object';

/** `event: tick\ndata: ` and the two line feeds after the data. */
const AROUND_DATA = 20;
const FIRST = 1_000_000_000;

/** Data for events of one size, each with a number of its own: who gets them in another order gets other bytes. */
export class Payloads {
  readonly #kind: DataKind;
  readonly #filler: string;
  #number = FIRST;

  /** @param bytes - of an event as we write it, without an id: `event: tick\ndata: …\n\n`; 100 or more. */
  constructor(kind: DataKind, bytes: number) {
    this.#kind = kind;
    const taken = kind === 'string' ? `${FIRST}`.length : JSON.stringify(quote(FIRST, '')).length;
    this.#filler = 'x'.repeat(bytes - AROUND_DATA - taken);
  }

  next(): string | object {
    const number = this.#number++;
    return this.#kind === 'string' ? `${number}${this.#filler}` : quote(number, this.#filler);
  }
}

function quote(number: number, note: string): object {
  return { symbol: 'DOGE', price: 0.4217, number, note };
}
