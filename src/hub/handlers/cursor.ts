/** Where a subscriber says that it was, in each of the ways that clients of hubs have of saying it. */

import type { Broker, LocatingBroker } from '../../channel/broker.js';
import { EARLIEST } from '../../channel/event-id.js';
import type { Clock } from '../../clock.js';
import { checkedLastEventId, lastEventIdOf } from '../../handler/last-event-id.js';
import { SHARED_CHANNELS } from '../updates/hub-channels.js';

/** Of the protocol, of its next version, of polyfills, and of older hubs. */
const PARAMETERS = ['lastEventID', 'last_event_id', 'lastEventId', 'Last-Event-ID', 'Last-Event-Id'];
/** Longer than this a stream does not wait for an engine that is away: it opens without saying whether it can be resumed. */
const MAX_WAIT_MS = 2_000;

/** The last event ID of a request: the header, which EventSource sends, wins. Null: there is none. */
export function cursorOf(header: string | string[] | undefined, query: URLSearchParams): string | null {
  if (header !== undefined) return lastEventIdOf(header);
  const given = PARAMETERS.map((name) => query.get(name)).find((id) => id !== null);
  return given === undefined || given === null ? null : checkedLastEventId(given);
}

/** Where a stream begins that resumes. */
export interface ResumePoint {
  /** After which id. */
  readonly after: string;
  /**
   * What an HTTP header says of it: the id that was asked for when all after it is kept, else `earliest`. Null: the broker's engine is away, and
   * nobody knows.
   *
   * @see https://mercure.rocks/spec#reconciliation
   */
  readonly header: string | null;
}

/**
 * Finds a cursor's place: in the channels of the stream, or, of whatever other topic its update was, in those in which there is a copy of each.
 * A server names the hub's newest update to a page, whatever that page subscribes to.
 */
export async function resumePoint(
  broker: Broker,
  channels: readonly string[],
  cursor: string,
  clock: Clock,
): Promise<ResumePoint> {
  if (cursor === '' || cursor === EARLIEST) return { after: cursor, header: EARLIEST };
  const asked = pointOf(broker, channels, cursor);
  return (await beforeLong(asked, clock)) ?? { after: cursor, header: null };
}

async function pointOf(broker: Broker, channels: readonly string[], cursor: string): Promise<ResumePoint> {
  const header = asHeader(cursor);
  if (await isWholeAfter(broker, channels, cursor)) return { after: cursor, header };
  const elsewhere = canLocate(broker) ? await broker.locate(Object.values(SHARED_CHANNELS), cursor) : null;
  const after = elsewhere ?? cursor;
  const isWhole = elsewhere !== null && (await isWholeAfter(broker, channels, after));
  return { after, header: isWhole ? header : EARLIEST };
}

async function isWholeAfter(broker: Broker, channels: readonly string[], id: string): Promise<boolean> {
  const subscription = await broker.subscribe(channels, { deliver: leave, gap() {} }, id);
  subscription.unsubscribe();
  return subscription.resumed === 'complete';
}

function canLocate(broker: Broker): broker is LocatingBroker {
  return 'locate' in broker;
}

/**
 * The id of this moment in these channels. A stream that resumes after it has all that is published from when its headers are sent: to
 * subscribe at an engine takes a while, and whoever publishes once it sees the stream open is to be heard. Null: the engine is away.
 */
export async function placeNow(broker: Broker, channels: readonly string[], clock: Clock): Promise<string | null> {
  let place: string | null = null;
  const noted = (id: string) => {
    place = id;
  };
  const asked = broker.subscribe(channels, { deliver: leave, gap() {}, place: noted }, null).then((subscription) => {
    subscription.unsubscribe();
    return place;
  });
  return beforeLong(asked, clock);
}

/** What is delivered is for the stream to read: who asks only wants to know where it stands. */
function leave(): Promise<false> {
  return Promise.resolve(false);
}

async function beforeLong<Result>(asked: Promise<Result>, clock: Clock): Promise<Result | null> {
  const { promise: late, cancel } = timeout(clock);
  try {
    return await Promise.race([asked, late]);
  } finally {
    cancel();
    asked.catch(() => {});
  }
}

/** A header holds ASCII without surprises: what else an id has is percent-encoded. */
function asHeader(id: string): string {
  return id.replace(/[^\x20-\x7e]+/gu, encodeURIComponent);
}

function timeout(clock: Clock): { promise: Promise<null>; cancel: () => void } {
  let cancel = () => {};
  const promise = new Promise<null>((resolve) => {
    const timer = clock.setTimeout(() => resolve(null), MAX_WAIT_MS);
    cancel = () => timer.cancel();
  });
  return { promise, cancel };
}
