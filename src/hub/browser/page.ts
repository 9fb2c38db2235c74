import type { Hub } from './hub.js';
import { HubEvent } from './hub-event.js';
import { CHANNELS, EVENTS, INTERESTED, type Interest, interestOf, isInterested, mayMatter } from './interest.js';
import { join, type Membership } from './membership.js';
import type { LinkMessage } from './messages.js';
import { RecentEvents } from './recent-events.js';

/** What is called with each event of a subscription. */
export type HubListener = (event: HubEvent) => unknown;

interface Subscription extends Interest {
  readonly listener: HubListener;
}

/** Types whose name an event of the client itself has: `sse:event` alone tells of them. */
const TAKEN = new Set(['event', 'open', 'error', 'gap']);

/** The page's side: gathers what its elements and listeners want, and hands out what comes. */
export class Page {
  readonly #document: Document;
  readonly #hub: Hub;
  #elements = new Map<Element, Interest>();
  readonly #subscriptions = new Set<Subscription>();
  /** The part in the connection, from when something is wanted first; null while the page is away. */
  #membership: Promise<Membership> | null = null;
  #isAway = false;
  #isDue = false;
  /** The channels that were said last, in order. */
  #said: readonly string[] = [];
  readonly #recent = new RecentEvents();
  #lastEventId = '';

  constructor(document: Document, hub: Hub) {
    this.#document = document;
    this.#hub = hub;
    const observer = new MutationObserver((records) => {
      if (records.some(mayMatter)) this.#look();
    });
    const attributeFilter = [CHANNELS, EVENTS];
    observer.observe(document, { subtree: true, childList: true, attributes: true, attributeFilter });
    // A page that is kept for a return, or asleep, hears nothing: it must not be the one that holds the connection.
    addEventListener('pagehide', () => this.#leave());
    addEventListener('pageshow', () => this.#return());
    document.addEventListener('freeze', () => this.#leave());
    document.addEventListener('resume', () => this.#return());
    this.#look();
  }

  /** As the exported `subscribe`. */
  subscribe(channels: readonly string[], listener: HubListener, types: readonly string[] | null): () => void {
    const subscription = { channels: new Set(channels), types: types && new Set(types), listener };
    this.#subscriptions.add(subscription);
    this.#look();
    return () => {
      this.#subscriptions.delete(subscription);
      this.#look();
    };
  }

  /** Looks, once this turn is over, what is wanted by now. */
  #look(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => {
      this.#isDue = false;
      const elements = [...this.#document.querySelectorAll(INTERESTED)];
      this.#elements = new Map(elements.map((element) => [element, interestOf(element)]));
      this.#say();
    });
  }

  /** Says what is wanted, if it is not what was said last. */
  #say(): void {
    const interests = [...this.#elements.values(), ...this.#subscriptions];
    const channels = [...new Set(interests.flatMap((interest) => [...interest.channels]))].sort();
    // No name has a line feed.
    if (this.#isAway || channels.join('\n') === this.#said.join('\n')) return;
    this.#said = channels;
    // Whoever wants something later is sent what happens from then on.
    if (channels.length === 0) this.#lastEventId = '';
    this.#membership ??= this.#join();
    void this.#membership.then((membership) => membership.want(channels));
  }

  #join(): Promise<Membership> {
    const joined: Promise<Membership> = join(this.#hub, this.#lastEventId, {
      receive: (message) => {
        if (joined === this.#membership) this.#receive(message);
      },
      isLost: () => {
        if (joined !== this.#membership) return;
        this.#leave();
        this.#return();
      },
    });
    return joined;
  }

  #leave(): void {
    this.#isAway = true;
    this.#said = [];
    void this.#membership?.then((membership) => membership.leave());
    this.#membership = null;
  }

  #return(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#look();
  }

  #receive(message: LinkMessage): void {
    this.#lastEventId = message.lastEventId || this.#lastEventId;
    if (message.kind === 'event') {
      if (!this.#recent.add(message.channel, message.lastEventId)) return;
      this.#dispatch(new HubEvent(message.channel, message.type, message.data, message.lastEventId));
    } else if (message.kind === 'open') {
      this.#announce('sse:open', { lastEventId: message.lastEventId });
    } else if (message.kind === 'gap') {
      this.#announce('sse:gap', message.lost);
    } else if (message.kind === 'error') {
      const { willRetry, channel, status } = message;
      if (channel === undefined || this.#said.includes(channel))
        this.#announce('sse:error', { willRetry, channel, status });
    }
  }

  #dispatch(event: HubEvent): void {
    const { channel, type } = event;
    for (const [element, interest] of this.#elements) {
      // One that has gone in this turn is still among them.
      if (!element.isConnected || !isInterested(interest, channel, type)) continue;
      if (!TAKEN.has(type)) element.dispatchEvent(new CustomEvent(`sse:${type}`, { detail: event, bubbles: true }));
      element.dispatchEvent(new CustomEvent('sse:event', { detail: event, bubbles: true }));
    }
    for (const subscription of [...this.#subscriptions]) {
      // One that another has ended meanwhile.
      if (!this.#subscriptions.has(subscription) || !isInterested(subscription, channel, type)) continue;
      try {
        subscription.listener(event);
      } catch (thrown) {
        reportError(thrown);
      }
    }
  }

  /** Tells the elements and, once, the document: so these do not bubble. */
  #announce(type: string, detail: object): void {
    for (const target of [...this.#elements.keys(), this.#document]) {
      target.dispatchEvent(new CustomEvent(type, { detail }));
    }
  }
}
