/**
 * Where things are kept in the database, each kind under a first byte of its own:
 *
 * | byte | rest of the key                                | value                              |
 * | ---- | ---------------------------------------------- | ---------------------------------- |
 * | 0    | `log`, `owner`                                 | JSON                               |
 * | 1    | name of a channel                              | {@link ChannelRecord}              |
 * | 2    | number of a channel, first sequence of a block | see `lmdb-block.ts`                |
 * | 3    | number of a channel, hash of an id, sequence   | nothing: it is looked up by prefix |
 *
 * Numbers are big-endian, so that keys are in the order of what they say.
 */

import { createHash } from 'node:crypto';

export const LOG_KEY = Buffer.from('\0log');
export const OWNER_KEY = Buffer.from('\0owner');
const CHANNEL = 1;
const BLOCK = 2;
const OWN_ID = 3;
const NUMBER_BYTES = 6;
const SEQUENCE_BYTES = 7;
const HASH_BYTES = 12;

/** What is known of a channel without looking at its history. */
export interface ChannelRecord {
  /** Never given twice, unlike names. */
  readonly number: number;
  /** How many events, and how many bytes of them, there have been, kept or not. */
  events: number;
  bytes: number;
  /** The sequence of the last event, and when it came, in milliseconds of the wall clock. */
  last: number;
  lastAt: number;
}

export function channelKey(name: string): Buffer {
  const key = Buffer.allocUnsafe(1 + Buffer.byteLength(name));
  key[0] = CHANNEL;
  key.write(name, 1, 'utf8');
  return key;
}

/** Between these two are all channels. */
export const FIRST_CHANNEL = Buffer.of(CHANNEL);
export const AFTER_CHANNELS = Buffer.of(CHANNEL + 1);

export function channelOf(key: Buffer): string {
  return key.toString('utf8', 1);
}

export function encodeChannel({ number, events, bytes, last, lastAt }: ChannelRecord): Buffer {
  const value = Buffer.allocUnsafe(40);
  value.writeDoubleLE(number, 0);
  value.writeDoubleLE(events, 8);
  value.writeDoubleLE(bytes, 16);
  value.writeDoubleLE(last, 24);
  value.writeDoubleLE(lastAt, 32);
  return value;
}

export function decodeChannel(value: Buffer): ChannelRecord {
  return {
    number: value.readDoubleLE(0),
    events: value.readDoubleLE(8),
    bytes: value.readDoubleLE(16),
    last: value.readDoubleLE(24),
    lastAt: value.readDoubleLE(32),
  };
}

/** @param first - the sequence of the block's first event; all blocks of a channel are between 0 and `Infinity`. */
export function blockKey(channel: number, first: number): Buffer {
  const key = Buffer.allocUnsafe(1 + NUMBER_BYTES + SEQUENCE_BYTES);
  key[0] = BLOCK;
  key.writeUIntBE(channel, 1, NUMBER_BYTES);
  writeSequence(key, first);
  return key;
}

/** The sequence at the end of a key. */
export function sequenceAt(key: Buffer): number {
  const at = key.length - SEQUENCE_BYTES;
  return key.readUIntBE(at, 3) * 2 ** 32 + key.readUInt32BE(at + 3);
}

/** An id of a publisher's own may be of any length: the hash finds it, and the event has it whole. */
export function ownIdKey(channel: number, id: string, sequence: number): Buffer {
  const key = Buffer.allocUnsafe(1 + NUMBER_BYTES + HASH_BYTES + SEQUENCE_BYTES);
  key[0] = OWN_ID;
  key.writeUIntBE(channel, 1, NUMBER_BYTES);
  createHash('sha256')
    .update(id)
    .digest()
    .copy(key, 1 + NUMBER_BYTES, 0, HASH_BYTES);
  writeSequence(key, sequence);
  return key;
}

function writeSequence(key: Buffer, sequence: number): void {
  const at = key.length - SEQUENCE_BYTES;
  if (sequence === Infinity) {
    key.fill(0xff, at);
    return;
  }
  key.writeUIntBE(Math.floor(sequence / 2 ** 32), at, 3);
  key.writeUInt32BE(sequence % 2 ** 32, at + 3);
}
