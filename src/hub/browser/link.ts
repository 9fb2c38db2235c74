import { changeChannels, type Hub, statusOfStream, streamUrl } from './hub.js';
import { type LinkMessage, type Lost, randomName } from './messages.js';
import { findNotGiven, isFinal } from './not-given.js';
import { RecentEvents } from './recent-events.js';

/** Tells one member, or all. */
export type Tell = (message: LinkMessage, member?: string) => void;

/** One EventSource. */
interface Stream {
  readonly source: EventSource;
  readonly key: string;
  /** The channels in its address: when the browser comes back by itself, it asks for these. */
  readonly asked: ReadonlySet<string>;
  /** The channels that the hub sends on it. */
  carried: ReadonlySet<string>;
  state: 'connecting' | 'open' | 'lost';
  /** How often it was opened. */
  opened: number;
}

/** The wait before a new stream: from 1 s to 3 s, each time that it is in vain up to twice as much. */
const LEAST_WAIT_MS = 1_000;
const FIRST_SPREAD_MS = 2_000;
const MOST_WAIT_MS = 30_000;

/**
 * The connection of a site to its hub: one EventSource for the channels of all members, which are pages. Channels are added and
 * dropped on the open stream as members come, go and change their mind; what is lost is asked for anew, after the last event ID.
 *
 * Until {@link start} it only keeps in mind who wants what and how far the stream has come, for a tab that may take over.
 */
export class Link {
  readonly #hub: Hub;
  readonly #tell: Tell;
  readonly #members = new Map<string, readonly string[]>();
  /** Channels that the hub does not give us, until somebody wants them anew. */
  readonly #refused = new Set<string>();
  /** Channels that are more than the hub gives at once, until there is room. */
  readonly #excess = new Set<string>();
  /** How many it gives at once, as was found when there were more. */
  #room = 0;
  readonly #recent = new RecentEvents();
  #lastEventId = '';
  #isStarted = false;
  #stream: Stream | null = null;
  /** Whether the hub is being asked something: what changes meanwhile waits. */
  #isAsking = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  constructor(hub: Hub, tell: Tell) {
    this.#hub = hub;
    this.#tell = tell;
  }

  /** How far the stream has come. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** The channels that each member wants. */
  get members(): ReadonlyMap<string, readonly string[]> {
    return this.#members;
  }

  /** Connects, as soon as a member wants a channel. */
  start(): void {
    this.#isStarted = true;
    this.#settle();
  }

  /** Lets the connection go, for good. */
  stop(): void {
    this.#isStarted = false;
    this.#disconnect();
  }

  /**
   * Takes a member in, or notes what it wants now.
   *
   * @param after - the last event ID of a member that was away. Without a stream, the link resumes there; else the member is told
   *   if it has missed something.
   */
  want(member: string, channels: readonly string[], after = ''): void {
    const before = this.#members.get(member);
    const isNew = before === undefined;
    this.#members.set(member, channels);
    // Who wants anew what was refused may have signed in meanwhile.
    for (const channel of channels) {
      if (before?.includes(channel)) continue;
      this.#refused.delete(channel);
      this.#excess.delete(channel);
    }
    if (isNew && after !== '') {
      if (this.#lastEventId === '' && this.#stream === null) this.#lastEventId = after;
      else if (this.#recent.hasAnyAfter(after, channels) ?? after !== this.#lastEventId) {
        this.#tellGap({ lastEventId: after, earliestId: null }, member);
      }
    }
    if (isNew && this.#stream !== null) {
      const kind = this.#stream.state === 'open' ? 'open' : 'place';
      this.#tell({ kind, lastEventId: this.#lastEventId }, member);
    }
    this.#settle();
  }

  /** Lets a member go. One that is unknown has gone already. */
  leave(member: string): void {
    if (this.#members.delete(member)) this.#settle();
  }

  wants(member: string, channel: string): boolean {
    return this.#members.get(member)?.includes(channel) ?? false;
  }

  /** Notes how far a message has brought the stream. */
  take(message: LinkMessage): void {
    const { kind, lastEventId } = message;
    if (lastEventId !== '') this.#lastEventId = lastEventId;
    if (kind === 'event') this.#recent.add(message.channel, lastEventId);
  }

  /** Brings the stream closer to what is wanted, unless that has to wait. Called whenever something has changed. */
  #settle(): void {
    if (!this.#isStarted || this.#isAsking) return;
    const named = new Set([...this.#members.values()].flat());
    const wanted = this.#wantedOf(named);
    const stream = this.#stream;
    if (wanted.size === 0) {
      this.#disconnect();
      // Whoever wants something later is sent what happens from then on.
      if (named.size === 0) this.#lastEventId = '';
    } else if (stream === null) {
      if (this.#timer === undefined) this.#connect(wanted);
    } else if (stream.state === 'open') {
      if (!isSame(stream.carried, wanted)) void this.#change(stream, wanted);
    } else if (stream.state === 'lost' && !isSame(stream.asked, wanted)) {
      // The browser would come back for other channels than these.
      this.#comeBack(this.#waitMs());
    }
  }

  /** What to ask for, of the channels that are named: when one was dropped, one that had no room comes in its place. */
  #wantedOf(named: ReadonlySet<string>): ReadonlySet<string> {
    const wanted = new Set([...named].filter((channel) => !this.#refused.has(channel) && !this.#excess.has(channel)));
    for (const channel of this.#excess) {
      if (named.has(channel) && wanted.size >= this.#room) continue;
      this.#excess.delete(channel);
      if (named.has(channel)) wanted.add(channel);
    }
    return wanted;
  }

  #connect(channels: ReadonlySet<string>): void {
    const { withCredentials } = this.#hub;
    const key = randomName();
    const source = new EventSource(streamUrl(this.#hub, channels, key, this.#lastEventId), { withCredentials });
    const stream: Stream = { source, key, asked: channels, carried: channels, state: 'connecting', opened: 0 };
    this.#stream = stream;
    source.onopen = () => {
      stream.state = 'open';
      stream.carried = stream.asked;
      stream.opened++;
      this.#failures = 0;
      this.#tell({ kind: 'open', lastEventId: this.#lastEventId });
      this.#settle();
    };
    source.onmessage = ({ data, lastEventId }) => this.#receive(data, lastEventId);
    source.onerror = () => {
      stream.state = 'lost';
      if (source.readyState === EventSource.CLOSED) return void this.#inquire(stream);
      this.#tellError(true);
      this.#settle();
    };
  }

  #disconnect(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#stream?.source.close();
    this.#stream = null;
  }

  /** Gives the stream up for a new one, with all channels and after the last event. */
  #comeBack(waitMs: number): void {
    this.#disconnect();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#settle();
    }, waitMs);
  }

  #waitMs(): number {
    const spread = Math.min(FIRST_SPREAD_MS * 2 ** this.#failures++, MOST_WAIT_MS);
    return LEAST_WAIT_MS + Math.random() * spread;
  }

  async #change(stream: Stream, wanted: ReadonlySet<string>): Promise<void> {
    const { key, carried, opened } = stream;
    const add = [...wanted].filter((channel) => !carried.has(channel));
    const drop = [...carried].filter((channel) => !wanted.has(channel));
    await this.#ask(async () => {
      const status = await changeChannels(this.#hub, key, add, drop);
      // What was changed then is gone: it was lost, or opened anew.
      if (stream !== this.#stream || stream.state !== 'open' || stream.opened !== opened) return;
      if (status >= 200 && status < 300) stream.carried = wanted;
      else {
        const isRefusal = isFinal(status) && add.length > 0;
        const given = [...carried].filter((channel) => wanted.has(channel));
        if (isRefusal && (await this.#refuse(add, given, key))) return;
        this.#comeBack(status === 404 ? 0 : this.#waitMs());
      }
    });
  }

  /** The browser has given up, and does not say why. */
  async #inquire(stream: Stream): Promise<void> {
    this.#disconnect();
    await this.#ask(async () => {
      if (await this.#refuse([...stream.asked], [], stream.key)) return;
      this.#tellError(true);
      this.#comeBack(this.#waitMs());
    });
  }

  /**
   * Goes without those of these channels that the hub does not give beside others: the rest shall not suffer for them.
   *
   * @returns false when there are none.
   */
  async #refuse(asked: readonly string[], given: readonly string[], key: string): Promise<boolean> {
    const statusOf = (channels: readonly string[]) => statusOfStream(this.#hub, channels, key);
    const found = await findNotGiven(asked, given, statusOf);
    if (found === null) return false;
    const { refused, excess } = found;
    for (const [channel, status] of refused) {
      this.#refused.add(channel);
      this.#tellError(false, { channel, status });
    }
    if (excess.length > 0) this.#room = given.length + asked.length - excess.length;
    for (const channel of excess) {
      this.#excess.add(channel);
      this.#tellError(false, { channel, status: found.status });
    }
    return true;
  }

  async #ask(question: () => Promise<void>): Promise<void> {
    this.#isAsking = true;
    await question();
    this.#isAsking = false;
    this.#settle();
  }

  #receive(text: string, lastEventId: string): void {
    const { channel, type, data } = JSON.parse(text) as { channel?: string; type: string; data: string };
    if (channel !== undefined) {
      const message: LinkMessage = { kind: 'event', channel, type, data, lastEventId };
      this.take(message);
      this.#tell(message);
      return;
    }
    this.take({ kind: 'place', lastEventId });
    if (type === 'gap') this.#tellGap(JSON.parse(data));
    else this.#tell({ kind: 'place', lastEventId: this.#lastEventId });
  }

  #tellGap(lost: Lost, member?: string): void {
    this.#tell({ kind: 'gap', lost, lastEventId: this.#lastEventId }, member);
  }

  #tellError(willRetry: boolean, refused: { channel?: string; status?: number } = {}): void {
    this.#tell({ kind: 'error', willRetry, ...refused, lastEventId: this.#lastEventId });
  }
}

function isSame(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((channel) => other.has(channel));
}
