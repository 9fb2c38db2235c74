/** What is published to the hub, checked. */

import { randomUUID } from 'node:crypto';
import { checkedOwnId } from '../../channel/event-id.js';
import { HttpError, InvalidEventError, quote } from '../../errors.js';
import { encodeEvent } from '../../event-stream/encode.js';
import { isReserved } from './hub-channels.js';

/** One thing published, for all who have subscribed to one of its topics. */
export interface Update {
  /** What it is of, the canonical one first, and others that it is found under. */
  readonly topics: readonly string[];
  /** Whether only those get it whose token says so for one of its topics. */
  readonly isPrivate: boolean;
  readonly type: string;
  readonly data: string;
  /** The event's id; a new `urn:uuid:…` unless the publisher gave one. */
  readonly id: string;
  /** In milliseconds. */
  readonly retry: number | undefined;
}

/** What a publisher may say: as an {@link Update}, where everything but the topics may be missing. */
export interface GivenUpdate {
  topics: readonly string[];
  isPrivate?: boolean;
  type?: string | undefined;
  data?: string | undefined;
  id?: string | undefined;
  retry?: number | undefined;
}

/** More topics cost every subscriber that looks whether one is its own. */
export const MAX_TOPICS = 100;
const MAX_TOPIC_BYTES = 4_096;

/**
 * Checks an update, and gives it an id.
 *
 * @throws {@link HttpError} 400, whose reason says what is wrong, before anything was published.
 */
export function checkedUpdate({
  topics,
  isPrivate = false,
  type = 'message',
  data = '',
  id,
  retry,
}: GivenUpdate): Update {
  if (topics.length === 0) throw new HttpError(400, 'no topic: name what the update is of');
  if (topics.length > MAX_TOPICS) throw new HttpError(400, `${topics.length} topics: at most ${MAX_TOPICS}`);
  for (const topic of topics) checkTopic(topic);
  if (isReserved(type)) throw new HttpError(400, `type ${quote(type)} is the hub's own`);
  for (const [name, text] of [
    ['type', type],
    ['data', data],
  ] as const)
    if (!isWellFormed(text)) throw new HttpError(400, `${name} has half of a surrogate pair, which cannot be sent`);
  if (id?.startsWith('#')) throw new HttpError(400, `id ${quote(id)} begins with "#"`);
  try {
    const update = { topics, isPrivate, type, data, id: id ? checkedOwnId(id) : newId(), retry };
    encodeEvent({ id: update.id, event: type, retry });
    return update;
  } catch (thrown) {
    if (thrown instanceof InvalidEventError) throw new HttpError(400, thrown.message);
    throw thrown;
  }
}

/** @throws {@link HttpError} 400 when nobody can name this topic. */
export function checkTopic(topic: string): void {
  if (topic === '') throw new HttpError(400, 'a topic is empty');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\0-\x1f\x7f]/.test(topic)) throw new HttpError(400, `topic ${quote(topic)} contains a control character`);
  if (Buffer.byteLength(topic) > MAX_TOPIC_BYTES)
    throw new HttpError(400, `topic ${quote(topic)} is longer than ${MAX_TOPIC_BYTES} bytes`);
}

/** Without a copy, and at once where each character is a byte. Node 20 has it; TypeScript's ES2023 does not know of it. */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

function newId(): string {
  return `urn:uuid:${randomUUID()}`;
}
