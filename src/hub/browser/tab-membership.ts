import type { Hub } from './hub.js';
import { Link } from './link.js';
import { holdMember, whenGone } from './member-lock.js';
import type { Listener, Membership } from './membership.js';
import { type LinkMessage, randomName } from './messages.js';

/** What tabs say to each other. All hear it, in the same order. */
type Said =
  /** The first from a member joins. */
  | { readonly kind: 'want'; readonly member: string; readonly channels: readonly string[]; readonly after: string }
  | { readonly kind: 'leave'; readonly member: string }
  /** From a tab that has taken over: who is there? */
  | { readonly kind: 'lead' }
  /** From the tab with the connection: what its link tells a member, or all. */
  | { readonly kind: 'tell'; readonly message: LinkMessage; readonly to: string | undefined };

/**
 * The page's part in a connection that one of the tabs has: the one that holds a lock. Each keeps in mind what the others want, and
 * how far the stream has come. When the tab with the lock goes, the browser gives it to the one that has waited longest, which has
 * heard of all that are left, and goes on from there.
 */
export class TabMembership implements Membership {
  readonly #listener: Listener;
  #after: string;
  readonly #name: string;
  readonly #member = randomName();
  readonly #tabs: BroadcastChannel;
  readonly #link: Link;
  readonly #over = new AbortController();
  readonly #held: Promise<() => void>;
  #channels: readonly string[] = [];
  #isLeading = false;

  constructor(hub: Hub, after: string, listener: Listener) {
    this.#listener = listener;
    this.#after = after;
    this.#name = `tradewind/1 ${JSON.stringify(hub)}`;
    this.#tabs = new BroadcastChannel(this.#name);
    this.#tabs.onmessage = ({ data }: MessageEvent<Said>) => this.#hear(data);
    this.#link = new Link(hub, (message, to) => {
      this.#deliver(message, to);
      if (to !== this.#member) this.#say({ kind: 'tell', message, to });
    });
    this.#held = holdMember(this.#member);
    void this.#queueForTheLead();
  }

  want(channels: readonly string[]): void {
    this.#channels = channels;
    // Before the lock is held, the others would take it for gone.
    void this.#held.then(() => {
      if (this.#over.signal.aborted) return;
      // Where there is a stream already, the tab that has it says what was missed.
      this.#link.want(this.#member, channels, this.#link.lastEventId === '' ? this.#after : '');
      this.#sayWhatIsWanted();
    });
  }

  leave(): void {
    this.#link.stop();
    this.#say({ kind: 'leave', member: this.#member });
    this.#over.abort();
    this.#tabs.close();
    void this.#held.then((release) => release());
  }

  /** Whoever waits for the lock gets it when the tab that holds it is gone. */
  async #queueForTheLead(): Promise<void> {
    const { signal } = this.#over;
    await this.#held;
    const lead = () =>
      new Promise<void>((resolve) => {
        if (signal.aborted) return resolve();
        signal.addEventListener('abort', () => resolve());
        this.#lead();
      });
    // It rejects when the page leaves before.
    await navigator.locks.request(this.#name, { signal }, lead).catch(() => {});
  }

  #lead(): void {
    this.#isLeading = true;
    for (const member of this.#link.members.keys()) this.#watch(member);
    this.#link.start();
    this.#say({ kind: 'lead' });
  }

  #hear(said: Said): void {
    if (said.kind === 'want') this.#take(said.member, said.channels, said.after);
    else if (said.kind === 'leave') this.#link.leave(said.member);
    else if (said.kind === 'lead') this.#sayWhatIsWanted();
    // To the tab that has the lead now, what another tells comes too late: its own stream brings it.
    else if (!this.#isLeading) {
      this.#link.take(said.message);
      this.#deliver(said.message, said.to);
    }
  }

  #deliver(message: LinkMessage, to = this.#member): void {
    if (to !== this.#member || this.#over.signal.aborted) return;
    this.#after = message.lastEventId || this.#after;
    this.#listener.receive(message);
  }

  #take(member: string, channels: readonly string[], after: string): void {
    const isNew = !this.#link.members.has(member);
    // Whether it has missed something, the tab with the connection says.
    this.#link.want(member, channels, this.#isLeading ? after : '');
    if (this.#isLeading && isNew) this.#watch(member);
  }

  #watch(member: string): void {
    if (member === this.#member) return;
    whenGone(member, this.#over.signal, () => {
      this.#link.leave(member);
      this.#say({ kind: 'leave', member });
    });
  }

  #sayWhatIsWanted(): void {
    this.#say({ kind: 'want', member: this.#member, channels: this.#channels, after: this.#after });
  }

  #say(said: Said): void {
    if (!this.#over.signal.aborted) this.#tabs.postMessage(said);
  }
}
