import { serializeData } from '../event-stream/encode.js';
import { Frame } from '../event-stream/frame.js';

/** More event types than this for one item come from a program that makes them up: they are not remembered. */
const MAX_TYPES = 16;

/** One submitted item, with the frames that were made of it. */
export class KeptItem<Item> {
  readonly item: Item;
  readonly #data: string | undefined;
  /** One for each event type: several mounts may stream a store, each under a name of its own. */
  readonly #frames = new Map<string, Frame>();

  /** @throws {@link InvalidEventError} `INVALID_DATA` when the item has no form on the wire. */
  constructor(item: Item) {
    this.item = item;
    this.#data = serializeData(item);
  }

  /** @throws {@link InvalidEventError} `INVALID_EVENT_TYPE`. */
  frameOf(event: string): Frame {
    // Hot path: bench/fanout, case "store submit".
    return this.#frames.get(event) ?? this.#encode(event);
  }

  #encode(event: string): Frame {
    const frame = Frame.ofEvent({ event, data: this.#data });
    if (this.#frames.size < MAX_TYPES) this.#frames.set(event, frame);
    return frame;
  }
}
