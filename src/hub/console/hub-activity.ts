import type { Gap } from '../../channel/broker.js';
import type { CloseReason } from '../../connection/close-reason.js';
import { quote, toError } from '../../errors.js';
import type { Frame } from '../../event-stream/frame.js';
import type { HubWatcher, WatchedStream } from '../hub-watcher.js';
import type { Update } from '../updates/update.js';
import { ChannelRates } from './channel-rates.js';
import { DeliveryProbe } from './delivery-probe.js';
import { Incidents } from './incidents.js';
import { Samples } from './samples.js';

/** Counts, and notes, what happens in a hub, for its console. */
export class HubActivity implements HubWatcher {
  /** Updates that were published through this process. */
  publishedCount = 0;
  failedCount = 0;
  readonly rates = new ChannelRates();
  readonly incidents: Incidents;
  /** From the publish to the broker's answer that it keeps the update. */
  readonly answers = new Samples();
  /** From the publish to the sockets, see {@link DeliveryProbe}. */
  readonly deliveries = new Samples();
  readonly #probe: DeliveryProbe;

  /**
   * @param now - in milliseconds since some fixed moment.
   * @param wallNow - in milliseconds since the epoch.
   */
  constructor(now: () => number, wallNow: () => number) {
    this.incidents = new Incidents(wallNow);
    this.#probe = new DeliveryProbe(now, this.deliveries);
  }

  get isSampling(): boolean {
    return this.#probe.isSampling;
  }

  publishing([first]: readonly Update[]): void {
    if (first !== undefined) this.#probe.publishing(first);
  }

  published(updates: readonly Update[], ms: number): void {
    this.publishedCount += updates.length;
    this.answers.add(ms);
    for (const { topics } of updates) for (const topic of topics) this.rates.count(topic);
  }

  publishFailed(updates: readonly Update[], thrown: unknown): void {
    this.failedCount += updates.length;
    const channels = new Set(updates.flatMap(({ topics }) => topics));
    this.incidents.add('publish-failed', toError(thrown).message, { channels: [...channels] });
  }

  relayed(frame: Frame): void {
    this.#probe.relayed(frame);
  }

  lost(stream: WatchedStream, { lastEventId, earliestId }: Gap): void {
    const kept = earliestId === null ? 'nothing is kept' : `the earliest kept is ${quote(earliestId)}`;
    this.incidents.addOf(stream, 'gap', `Asked for what came after ${quote(lastEventId)}; ${kept}.`);
  }

  closed(stream: WatchedStream, { kind, error }: CloseReason): void {
    if (kind === 'slow-consumer') this.incidents.addOf(stream, kind, 'Did not take its events fast enough: cut off.');
    if (kind === 'write-failed' || kind === 'error') this.incidents.addOf(stream, kind, toError(error).message);
  }
}
