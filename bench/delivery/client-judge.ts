/** Holds what one client after the other saw against all that was published. */

import { describeAround } from './client-log-text.js';
import { type EventTable, INVENTED, WRONG_ID } from './event-table.js';
import type { ClientRecord, Moment, ObserverRecord } from './records.js';
import type { ViolationKind, Violations } from './violations.js';

/** A channel that a client follows, while its log is read. */
interface Followed {
  readonly channel: number;
  /** The ranks of the channel's acknowledged events. */
  readonly ranks: Int32Array;
  /** The first of them that has not been passed. */
  next: number;
  /** A gap was told since the channel's last event: what was published before this moment may be missing. */
  gapAt: number;
}

const NEVER = Number.NEGATIVE_INFINITY;
const NONE = new Int32Array(0);
const NAMED_MISSING = 5;

export class ClientJudge {
  delivered = 0;
  connects = 0;
  gaps = 0;
  gapsWithLoss = 0;
  covered = 0;
  readonly #table: EventTable;
  readonly #violations: Violations;
  readonly #ranksOf = new Map<number, Int32Array>();
  /** For each event the last client that saw it at all, and the last that has seen it by now: nothing to clear in between. */
  readonly #seenBy: Int32Array;
  readonly #seenByNow: Int32Array;

  // Of the client whose log is being read.
  #stamp = 0;
  #client!: ClientRecord;
  #observer!: ObserverRecord;
  #followed: Followed[] = [];
  /** The rank of the newest event so far; -1 before the first. */
  #last = -1;
  /** When its subscription began to count: what was published later and precedes its first event is missing. */
  #openAt = Number.POSITIVE_INFINITY;
  /** A gap was told and has not been of use yet. */
  #hasIdleGap = false;
  #connectedWith = '';
  #hasGapInConnection = false;

  constructor(table: EventTable, violations: Violations) {
    this.#table = table;
    this.#violations = violations;
    this.#seenBy = new Int32Array(table.size);
    this.#seenByNow = new Int32Array(table.size);
    const lists = new Map<number, number[]>();
    for (const [rank, event] of table.inOrder.entries()) {
      if (!table.isAcknowledged(event)) continue;
      const channel = table.channels[event]!;
      const list = lists.get(channel);
      if (list === undefined) lists.set(channel, [rank]);
      else list.push(rank);
    }
    for (const [channel, list] of lists) this.#ranksOf.set(channel, Int32Array.from(list));
  }

  judge(client: ClientRecord, observer: ObserverRecord): void {
    const resolved = this.#table.resolvedOf(observer);
    this.#start(client, observer, resolved);
    const { log } = client;
    for (let index = 0; index < log.length; index++) {
      const entry = log[index]!;
      if (entry < 0) this.#passMoment(observer.moments[~entry]!, index);
      else this.#passEvent(resolved[entry]!, index);
    }
    if (!client.isConnected) this.#report('disconnected', log.length, () => '');
    else this.#passMissing(Number.POSITIVE_INFINITY, 'unfinished', log.length);
  }

  #start(client: ClientRecord, observer: ObserverRecord, resolved: Int32Array): void {
    const stamp = ++this.#stamp;
    this.#client = client;
    this.#observer = observer;
    this.#followed = client.channels.map((channel) => {
      return { channel, ranks: this.#ranksOf.get(channel) ?? NONE, next: 0, gapAt: NEVER };
    });
    this.#last = -1;
    this.#openAt = Number.POSITIVE_INFINITY;
    this.#hasIdleGap = false;
    this.#connectedWith = '';
    this.#hasGapInConnection = false;
    for (const entry of client.log) if (entry >= 0 && resolved[entry]! >= 0) this.#seenBy[resolved[entry]!] = stamp;
  }

  #passMoment({ kind, at, text }: Moment, index: number): void {
    if (kind === 'connect') {
      this.connects++;
      this.#connectedWith = text;
      this.#hasGapInConnection = false;
    } else if (kind === 'gap') {
      this.gaps++;
      this.#hasGapInConnection = true;
      this.#hasIdleGap = true;
      for (const followed of this.#followed) followed.gapAt = at;
    } else if (kind === 'subscribed') {
      const wanted = this.#hasGapInConnection ? 'gap' : this.#connectedWith === '' ? 'fresh' : 'complete';
      if (text !== wanted) this.#report('resumed', index, () => `${JSON.stringify(text)}, not ${wanted}`);
      if (this.#last === -1) this.#openAt = at;
      if (!this.#hasGapInConnection) return;
      // What is told of is the whole replay, and that ends here.
      for (const followed of this.#followed) if (followed.gapAt !== NEVER) followed.gapAt = at;
    }
  }

  #passEvent(event: number, index: number): void {
    const table = this.#table;
    this.delivered++;
    if (event === INVENTED) this.#report('invented', index, () => '');
    else if (event === WRONG_ID || table.ranks[event] === -1) this.#report('id', index, () => '');
    else {
      const followed = this.#followed.find(({ channel }) => channel === table.channels[event]);
      if (followed === undefined) this.#report('foreign', index, () => table.describe(event));
      else this.#passFollowed(event, followed, index);
    }
  }

  #passFollowed(event: number, followed: Followed, index: number): void {
    const table = this.#table;
    if (table.isRefused[event]) this.#report('refused', index, () => table.describe(event));
    const rank = table.ranks[event]!;
    if (rank <= this.#last) {
      const kind = this.#seenByNow[event] === this.#stamp ? 'repeated' : 'disordered';
      this.#report(kind, index, () => `${table.describe(event)}\nafter ${table.describe(table.inOrder[this.#last]!)}`);
    } else {
      this.#passMissing(rank, 'missing', index);
      this.#last = rank;
      followed.gapAt = NEVER;
    }
    this.#seenByNow[event] = this.#stamp;
  }

  /** Goes on to this rank in every channel; what is passed by has not been seen in its place. */
  #passMissing(rank: number, kind: ViolationKind, index: number): void {
    let missing: number[] | null = null;
    for (const followed of this.#followed) {
      const { ranks, gapAt } = followed;
      for (; followed.next < ranks.length && ranks[followed.next]! <= rank; followed.next++) {
        const passed = ranks[followed.next]!;
        if (passed === rank) continue;
        const event = this.#table.inOrder[passed]!;
        const startedAt = this.#table.startedAt[event]!;
        // Seen, if in another place: that is reported there.
        if (this.#seenBy[event] === this.#stamp) continue;
        if (this.#last === -1 && startedAt <= this.#openAt) continue;
        if (startedAt <= gapAt) this.#cover();
        else if (missing === null) missing = [event];
        else missing.push(event);
      }
    }
    if (missing === null) return;
    const found = missing;
    this.#report(kind, index, () => {
      const named = found.slice(0, NAMED_MISSING).map((event) => this.#table.describe(event));
      return `${found.length} of them:\n${named.join('\n')}`;
    });
  }

  #cover(): void {
    this.covered++;
    if (this.#hasIdleGap) this.gapsWithLoss++;
    this.#hasIdleGap = false;
  }

  #report(kind: ViolationKind, index: number, describe: () => string): void {
    const [client, observer, followed] = [this.#client, this.#observer, this.#followed];
    this.#violations.add(kind, () => {
      const channels = followed.map(({ channel }) => channel).join(', ');
      const what = describe().replace(/^(?=.)/gm, '    ');
      return `client ${client.client}, of the channels ${channels}\n${what}\n${describeAround(client, observer, index)}`;
    });
  }
}
