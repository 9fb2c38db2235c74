/** Follows the event stream with the browser's own EventSource, and knows at any time how that is going. */

/** How long the page says that it has resumed, before it is simply live again. */
const RESUMED_MS = 6_000;
/** The server writes once a second; after this long without a word the connection is taken for dead. */
const SILENCE_MS = 10_000;
/** An answer that an EventSource takes for final (a proxy's 502, say) is asked again after this long. */
const REOPEN_MS = 2_000;

/**
 * Dispatches a `sample`, `machine` or `gap` event for each event of the stream, its data as `detail`, and `change` when
 * one of the properties has changed.
 */
export class MachineStream extends EventTarget {
  /** @type {'connecting' | 'live' | 'reconnecting' | 'resumed'} */
  state = 'connecting';
  /** When it came into this state, in milliseconds of `performance.now()`. */
  since = performance.now();
  received = 0;
  reconnects = 0;
  gaps = 0;
  lastEventId = '';
  /** The latest event as it stood on the wire. */
  lastFrame = '';
  /** The latest outage: when it began and ended, in milliseconds since the epoch, and whether something was lost in it. */
  outage = null;
  #url;
  #source = null;
  #heardAt = 0;
  #reopenTimer;

  constructor(url) {
    super();
    this.#url = url;
  }

  start() {
    this.#open();
    setInterval(() => this.#check(), 1_000);
  }

  #open() {
    // A new EventSource has no last event ID of its own; the server takes it from the query as well.
    const url = new URL(this.#url, location.href);
    if (this.lastEventId !== '') url.searchParams.set('lastEventId', this.lastEventId);
    const source = new EventSource(url);
    this.#source = source;
    this.#heardAt = performance.now();
    for (const type of ['machine', 'gap', 'sample']) source.addEventListener(type, (event) => this.#take(event));
    source.addEventListener('error', () => this.#lost());
  }

  #take({ type, data, lastEventId }) {
    this.#heardAt = performance.now();
    this.received++;
    const id = lastEventId === '' || type !== 'sample' ? '' : `id: ${lastEventId}\n`;
    this.lastFrame = `${id}event: ${type}\ndata: ${data}`;
    if (type === 'sample') {
      this.lastEventId = lastEventId;
      this.#found();
    }
    if (type === 'gap') {
      this.gaps++;
      if (this.outage !== null) this.outage.hasGap = true;
    }
    this.dispatchEvent(new CustomEvent(type, { detail: JSON.parse(data) }));
    this.#changed();
  }

  /** The first sample is the proof that the stream flows; a gap, if there is one, came before it. */
  #found() {
    if (this.state === 'connecting') this.#enter('live');
    else if (this.state === 'reconnecting') {
      this.reconnects++;
      this.outage.endedAt = Date.now();
      this.#enter('resumed');
    }
  }

  #lost() {
    if (this.state === 'live' || this.state === 'resumed') {
      this.outage = { beganAt: Date.now(), endedAt: null, hasGap: false };
      this.#enter('reconnecting');
    }
    if (this.#source.readyState === EventSource.CLOSED) {
      clearTimeout(this.#reopenTimer);
      this.#reopenTimer = setTimeout(() => this.#open(), REOPEN_MS);
    }
    this.#changed();
  }

  #check() {
    const now = performance.now();
    if (this.state === 'resumed' && now - this.since > RESUMED_MS) this.#enter('live');
    // A machine that was suspended, or a cable that was pulled: no error tells of it.
    if (this.#source.readyState === EventSource.OPEN && now - this.#heardAt > SILENCE_MS) {
      this.#source.close();
      this.#lost();
    }
    this.#changed();
  }

  #enter(state) {
    this.state = state;
    this.since = performance.now();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
