import type { AmqpEntry } from './amqp-entry.js';

/** How many ids are known at most; of more, the newest. Each takes about 200 bytes. */
const MAX_COUNT = 500_000;

/**
 * The ids that publishers gave, for RabbitMQ has no index of them. The first who asks has the whole stream read; from
 * then on whatever comes is noted, so that whoever makes ids up has it read once and not again.
 */
export class AmqpOwnIds {
  readonly #read: (take: (entry: AmqpEntry) => void) => Promise<void>;
  /** By channel and id; of an id that was given more than once, all of them in order. */
  readonly #places = new Map<string, number[]>();
  #reading: Promise<void> | null = null;
  #isRead = false;
  #count = 0;
  /** What came while the rest was being read. */
  #later: AmqpEntry[] = [];

  /** @param read - hands out all entries that are kept when it is called. */
  constructor(read: (take: (entry: AmqpEntry) => void) => Promise<void>) {
    this.#read = read;
  }

  /** Takes an entry that comes. */
  add(entry: AmqpEntry): void {
    if (this.#reading === null) return;
    if (this.#isRead) this.#note(entry);
    else if (entry.hasOwnIds) this.#later.push(entry);
  }

  /** Where an id stands in each of the channels: all its places there. */
  async find(channels: readonly string[], id: string): Promise<readonly (readonly number[])[]> {
    this.#reading ??= this.#readAll();
    await this.#reading;
    return channels.flatMap((channel) => {
      const places = this.#places.get(keyOf(channel, id));
      return places === undefined ? [] : [places];
    });
  }

  async #readAll(): Promise<void> {
    try {
      await this.#read((entry) => this.#note(entry));
      for (const entry of this.#later) this.#note(entry);
      this.#isRead = true;
    } catch (thrown) {
      this.#places.clear();
      this.#count = 0;
      this.#reading = null;
      throw thrown;
    } finally {
      this.#later = [];
    }
  }

  #note(entry: AmqpEntry): void {
    entry.eachOwnId((channel, id, sequence) => {
      const key = keyOf(channel, id);
      const places = this.#places.get(key);
      if (places === undefined) this.#places.set(key, [sequence]);
      else places.push(sequence);
      this.#count++;
      if (this.#count > MAX_COUNT) this.#forgetOldest();
    });
  }

  #forgetOldest(): void {
    const [oldest] = this.#places;
    if (oldest === undefined) return;
    const [key, places] = oldest;
    const forgotten = places.splice(0, Math.ceil(places.length / 2));
    this.#count -= forgotten.length;
    if (places.length === 0) this.#places.delete(key);
  }
}

/** No channel has a control character in its name. */
function keyOf(channel: string, id: string): string {
  return `${channel}\n${id}`;
}
