import { ChatTraffic } from './chat-traffic.js';

/** `chat`: messages of some 400 bytes as JSON text, whatever size is asked for. */
export type DataKind = 'string' | 'object' | 'chat';

/** `event: tick\ndata: ` and the two line feeds after the data. */
const AROUND_DATA = 20;
const FIRST = 1_000_000_000;

/** Data for events of one size, each with a number of its own: who gets them in another order gets other bytes. */
export class Payloads {
  readonly #kind: DataKind;
  readonly #filler: string;
  readonly #chat = new ChatTraffic();
  #number = FIRST;

  /** @param bytes - of an event as we write it, without an id: `event: tick\ndata: …\n\n`; 100 or more. */
  constructor(kind: DataKind, bytes: number) {
    this.#kind = kind;
    const taken = kind === 'string' ? `${FIRST}`.length : JSON.stringify(quote(FIRST, '')).length;
    this.#filler = 'x'.repeat(bytes - AROUND_DATA - taken);
  }

  next(): string | object {
    if (this.#kind === 'chat') return this.#chat.next();
    const number = this.#number++;
    return this.#kind === 'string' ? `${number}${this.#filler}` : quote(number, this.#filler);
  }
}

/** For who takes nothing but text. */
export function textOf(data: string | object): string {
  return typeof data === 'string' ? data : JSON.stringify(data);
}

function quote(number: number, note: string): object {
  return { symbol: 'DOGE', price: 0.4217, number, note };
}
