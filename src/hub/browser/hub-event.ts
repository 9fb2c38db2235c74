/** An event of a channel: what a listener of {@link subscribe} is called with, and the `detail` of the elements' events. */
export class HubEvent {
  readonly channel: string;
  /** The event type, such as `tick`. */
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
  #parsed: { readonly json: unknown } | null = null;

  constructor(channel: string, type: string, data: string, lastEventId: string) {
    this.channel = channel;
    this.type = type;
    this.data = data;
    this.lastEventId = lastEventId;
  }

  /** The data as JSON, parsed when first read and shared by all who read it; `undefined` when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: what it is, only its reader knows
  get json(): any {
    this.#parsed ??= { json: parsed(this.data) };
    return this.#parsed.json;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
