/** What a body of the simple interface asks to be published, in each of the forms that it may have. */

import { HttpError, quote } from '../../errors.js';
import { checkedChannelName } from '../updates/hub-channels.js';
import { checkedUpdate, type Update } from '../updates/update.js';
import { formOf, hasMoreFields } from './form.js';
import { isNestedDeeper, memberSource } from './member-source.js';
import { MERCURE_PATH } from './mercure-handler.js';

/** What was read of a body. */
export interface Publication {
  /** In order; one for each channel that is named. */
  readonly updates: readonly Update[];
  /** The publish key, where the body has it. */
  readonly key?: string | undefined;
}

/** One line of many, or the whole body. */
interface Fields {
  channel?: unknown;
  event?: unknown;
  data?: unknown;
  id?: unknown;
  retry?: unknown;
  private?: unknown;
}

/** What one request may have published, in characters: an event is copied for each of its channels, and the hub does nothing else meanwhile. */
const MAX_COPIED = 16 * 1024 ** 2;

/** What is nested deeper, those cannot read who get it: parsers call themselves for each level, and PHP's gives up here. Nor is it cheap to read. */
const MAX_DEPTH = 512;

/** Beside the channels. */
const MAX_OTHER_FIELDS = 100;

/** What is left for the rest of a request. */
interface Room {
  readonly mostUpdates: number;
  updates: number;
  characters: number;
}

/**
 * Reads a body: a form, a JSON object, or one on each line (`application/x-ndjson`).
 *
 * @throws {@link HttpError} 400 when it is not what it should be; of many lines the first that is not is named; 413 for more events than
 *   `mostUpdates` together, and where their copies for all channels would be larger than the body and than 16 MiB; 415 for another type.
 */
export function readPublication(contentType: string | undefined, body: string, mostUpdates: number): Publication {
  const room = { mostUpdates, updates: mostUpdates, characters: Math.max(body.length, MAX_COPIED) };
  return readBody(contentType, body, room);
}

function tooMany({ mostUpdates: most }: Room): HttpError {
  return new HttpError(413, `more than ${most} events at once. Nothing was published`);
}

function readBody(contentType: string | undefined, body: string, room: Room): Publication {
  const [type = ''] = (contentType ?? '').toLowerCase().split(/[; ]/, 1);
  if (type === 'application/x-www-form-urlencoded') return readForm(body, room);
  if (type === 'application/json') {
    const fields = parsed(body);
    return { updates: updatesOf(fields, room), key: textOf((fields as { key?: unknown }).key, 'key') };
  }
  if (/^application\/(x-ndjson|ndjson|jsonl|x-jsonlines)$/.test(type)) return { updates: readLines(body, room) };
  throw new HttpError(415, 'publish as a form, as application/json, or many at once as application/x-ndjson');
}

function readForm(body: string, room: Room): Publication {
  // A field is made of each before it is known which it is.
  if (hasMoreFields(body, room.mostUpdates + MAX_OTHER_FIELDS)) throw tooMany(room);
  const form = formOf(body);
  const of = (name: string) => form.get(name) ?? undefined;
  const fields = {
    channel: form.getAll('channel'),
    data: of('data') ?? of('message'),
    event: of('event') || undefined,
    id: of('id') || undefined,
    retry: of('retry') || undefined,
    private: of('private'),
  };
  return { updates: updatesOf(fields, room), key: of('key') };
}

function readLines(body: string, room: Room): Update[] {
  const lines = body.split('\n', room.mostUpdates + 2);
  if (lines.length > room.mostUpdates + 1 && lines.at(-1) !== '') throw tooMany(room);
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      return updatesOf(parsed(line), room);
    } catch (thrown) {
      if (!(thrown instanceof HttpError) || thrown.status === 413) throw thrown;
      throw new HttpError(thrown.status, `line ${index + 1}: ${thrown.reason}. Nothing of the batch was published`);
    }
  });
}

function updatesOf({ channel, event, data, id, retry, private: isPrivate }: Fields, room: Room): Update[] {
  const channels = Array.isArray(channel) ? channel : channel === undefined ? [] : [channel];
  if (channels.length === 0) throw new HttpError(400, 'no channel: name the one to publish on');
  if (data === undefined) throw new HttpError(400, 'no data: give some, "" for an empty event');
  // Whoever writes it would have everybody read what is not for them.
  if (isPrivate !== undefined && isPrivate !== false && isPrivate !== null)
    throw new HttpError(400, `private is not for channels: publish what is private at ${MERCURE_PATH}`);
  // Before anything is made of each: a body may name a quarter of a million.
  room.updates -= channels.length;
  if (room.updates < 0) throw tooMany(room);
  const type = textOf(event, 'event');
  const text = `${data}`;
  room.characters -= channels.length * (text.length + (type?.length ?? 0));
  if (room.characters < 0)
    throw new HttpError(413, 'too much to copy for each channel: publish on fewer at once. Nothing was published');
  const rest = { type, data: text, id: textOf(id, 'id'), retry: retryOf(retry) };
  return channels.map((name) => checkedUpdate({ topics: [checkedChannelName(name, false)], ...rest }));
}

function parsed(text: string): Fields {
  if (isNestedDeeper(text, MAX_DEPTH)) throw new HttpError(400, `nested too deeply: at most ${MAX_DEPTH} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HttpError(400, 'not JSON', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new HttpError(400, 'not a JSON object');
  const fields: Fields = value;
  // A number need not be what was written any more, nor what has numbers in it.
  if (typeof fields.data === 'number' || (typeof fields.data === 'object' && fields.data !== null))
    fields.data = memberSource(text, 'data');
  return fields;
}

function textOf(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  if (Number.isSafeInteger(value)) return `${value}`;
  // It is already another one than was written.
  if (typeof value === 'number') throw new HttpError(400, `${name} is a number that is not kept as it is: send text`);
  throw new HttpError(400, `${name} ${quote(value)} is not text`);
}

function retryOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (
    (typeof value === 'string' || typeof value === 'number') &&
    /^[0-9]+$/.test(`${value}`) &&
    Number.isSafeInteger(Number(value))
  )
    return Number(value);
  throw new HttpError(400, `retry ${quote(value)} is not a number of milliseconds`);
}
