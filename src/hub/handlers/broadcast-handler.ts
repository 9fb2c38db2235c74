import { setImmediate } from 'node:timers';
import type { Gap } from '../../channel/broker.js';
import type { Timer } from '../../clock.js';
import type { CloseReason } from '../../connection/close-reason.js';
import type { Frame } from '../../event-stream/frame.js';
import { TopicSelectors } from '../topics/topic-selectors.js';
import { checkedChannelName } from '../updates/hub-channels.js';
import { HubStream } from './hub-stream.js';
import { labelledFrame, labelledPlace } from './labelled-frame.js';
import { WELCOME_PAGE } from './welcome-page.js';

/** What a client may name its connection, by which it changes its channels later: as good as a password, and as hard to guess. */
export const STREAM_KEY = /^[A-Za-z0-9_-]{22,64}$/;

/**
 * The hub's simple interface: `GET /?channels=a&channels=b` streams these channels.
 *
 * - `envelope=1`: each event says of which channel and type it is, see {@link labelledFrame}.
 * - `connection=KEY`: the stream's channels can be changed while it is open, by a POST to `/channels`.
 * - `poll=1`, or the header `X-Requested-With: XMLHttpRequest`: the response ends after what was missed, a gap included, or the first
 *   event, or `pollMs` without any, for clients that read a response only when it is whole.
 */
export class BroadcastHandler extends HubStream {
  #isLabelled = false;
  #isPoll = false;
  #poll: Timer | null = null;
  #isReplayed = false;
  #isGapTold = false;

  protected override asked(): readonly string[] {
    const channels = this.query.getAll('channels');
    for (const channel of channels) checkedChannelName(channel, this.hub.options.hasPatterns);
    return channels;
  }

  protected override selectorsOf(channels: readonly string[]): TopicSelectors {
    return TopicSelectors.exactly(channels);
  }

  protected override patternsOf(channels: readonly string[]): readonly string[] {
    return channels.filter((channel) => channel.includes('*'));
  }

  override async checkConnection(): Promise<void> {
    if (!this.query.has('channels')) {
      const { home } = this.hub.options;
      const { accept = '' } = this.headers;
      if (home !== null && !/\btext\/event-stream\b/.test(accept)) return this.redirect(home);
      if (/\btext\/html\b/.test(accept)) return this.finish(WELCOME_PAGE);
      this.error(400, 'no channels: ask for some, as in ?channels=news&channels=prices');
    }
    const key = this.query.get('connection');
    if (key !== null && !STREAM_KEY.test(key)) this.error(400, 'connection is not 22 to 64 letters, digits, - and _');
    this.key = key;
    this.#isLabelled = this.query.get('envelope') === '1';
    this.#isPoll = this.query.get('poll') === '1' || this.headers['x-requested-with'] === 'XMLHttpRequest';
    await super.checkConnection();
  }

  override async open(params: object): Promise<void> {
    const { clock, pollMs } = this.hub.options;
    if (this.#isPoll) this.#poll = clock.setTimeout(() => this.end(), pollMs);
    await super.open(params);
    this.#isReplayed = true;
    if (this.#isGapTold) this.#endSoon();
  }

  override relay(frame: Frame, channel: string | null): Frame | null {
    const relayed = super.relay(frame, channel);
    if (relayed === null) return null;
    if (channel === null) return this.#isLabelled ? labelledPlace(frame) : frame;
    if (this.#isPoll) this.#endSoon();
    return this.#isLabelled ? labelledFrame(relayed, this.topicOf(frame, channel)) : relayed;
  }

  override gap(gap: Gap): unknown {
    this.#isGapTold = this.hub.options.areGapsTold;
    // Before that there is more to come: what is kept, or where the stream stands, without which the next poll would begin here again.
    if (this.#isGapTold && this.#isReplayed) this.#endSoon();
    if (!this.#isLabelled) return super.gap(gap);
    this.hub.watcher?.lost(this, gap);
    return this.hub.options.areGapsTold && this.writeMessage('message', { type: 'gap', data: JSON.stringify(gap) });
  }

  override close(reason: CloseReason): void {
    this.#poll?.cancel();
    super.close(reason);
  }

  /** What comes in the same turn goes with it. */
  #endSoon(): void {
    if (this.#poll === null) return;
    this.#poll.cancel();
    this.#poll = null;
    setImmediate(() => this.end());
  }
}
