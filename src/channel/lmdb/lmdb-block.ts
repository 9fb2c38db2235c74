/**
 * Several events of one channel that are kept by one transaction, in one value of the database.
 *
 * A block costs one write when it comes and one when it goes, however many events are in it: the history of a channel that is
 * full costs a busy publisher next to nothing.
 */

import type { LogEvent } from '../event-log.js';

/** An event that has its number, and is to be kept. */
export interface NumberedEvent extends LogEvent {
  /** Length of `text`, in bytes. */
  readonly bytes: number;
}

/** What a block says of itself, and of what the channel had before it: every limit of a history can be told from it. */
export interface BlockHeader {
  /** When its events were kept, in milliseconds of the wall clock. */
  readonly keptAt: number;
  /** The sequence of the channel's event before it; 0: none. */
  readonly previous: number;
  /** How many events, and how many bytes of them, the channel had before it. */
  readonly eventsBefore: number;
  readonly bytesBefore: number;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly bytes: number;
  /** How many of its events have an id that their publisher gave. */
  readonly ownIds: number;
}

/** An event within a block, and what the channel had before it. */
export interface BlockEvent extends NumberedEvent {
  readonly eventsBefore: number;
  readonly bytesBefore: number;
}

/** Four doubles, four 32-bit integers. */
const HEADER_BYTES = 48;
/** The bytes of the text, how far the sequence is above the block's first, and the bytes of the id and one more; 0: it has none. */
const EVENT_HEADER_BYTES = 12;

/**
 * A block of several events is no larger: small enough that little is kept which need not be, and large enough that its pages are
 * full, four of 4 KiB with what LMDB puts before the first.
 */
const BLOCK_BYTES = 4 * 4096 - 64;

type Place = Pick<BlockHeader, 'keptAt' | 'previous' | 'eventsBefore' | 'bytesBefore'>;

/** How far a block goes that begins with the event at `start`: one event at least. */
export function endOfBlock(events: readonly NumberedEvent[], start: number): number {
  let end = start;
  for (let size = HEADER_BYTES; end < events.length; end++) {
    const { bytes, id } = events[end]!;
    size += EVENT_HEADER_BYTES + bytes + (id === null ? 0 : Buffer.byteLength(id));
    if (size > BLOCK_BYTES && end > start) break;
  }
  return end;
}

/** Encodes the events from `start` up to, but not including, `end`. */
export function encodeBlock(events: readonly NumberedEvent[], start: number, end: number, place: Place): Buffer {
  // Hot path: bench/brokers/lmdb, case "publish".
  let size = HEADER_BYTES;
  let bytes = 0;
  let ownIds = 0;
  for (let index = start; index < end; index++) {
    const event = events[index]!;
    bytes += event.bytes;
    size += EVENT_HEADER_BYTES;
    if (event.id === null) continue;
    ownIds++;
    size += Buffer.byteLength(event.id);
  }
  const block = Buffer.allocUnsafe(size + bytes);
  const first = events[start]!.sequence;
  block.writeDoubleLE(place.keptAt, 0);
  block.writeDoubleLE(place.previous, 8);
  block.writeDoubleLE(place.eventsBefore, 16);
  block.writeDoubleLE(place.bytesBefore, 24);
  block.writeUInt32LE(events[end - 1]!.sequence - first, 32);
  block.writeUInt32LE(end - start, 36);
  block.writeUInt32LE(bytes, 40);
  block.writeUInt32LE(ownIds, 44);
  let at = HEADER_BYTES;
  for (let index = start; index < end; index++) {
    const { text, id, sequence, bytes: length } = events[index]!;
    block.writeUInt32LE(length, at);
    block.writeUInt32LE(sequence - first, at + 4);
    block.write(text, at + EVENT_HEADER_BYTES, length, 'utf8');
    const idAt = at + EVENT_HEADER_BYTES + length;
    const idLength = id === null ? 0 : block.write(id, idAt, 'utf8');
    block.writeUInt32LE(id === null ? 0 : idLength + 1, at + 8);
    at = idAt + idLength;
  }
  return block;
}

/** @param first - the sequence that the block is kept under. */
export function headerOf(block: Buffer, first: number): BlockHeader {
  return {
    keptAt: block.readDoubleLE(0),
    previous: block.readDoubleLE(8),
    eventsBefore: block.readDoubleLE(16),
    bytesBefore: block.readDoubleLE(24),
    first,
    last: first + block.readUInt32LE(32),
    count: block.readUInt32LE(36),
    bytes: block.readUInt32LE(40),
    ownIds: block.readUInt32LE(44),
  };
}

/** The events of a block after a sequence, oldest first. */
export function* eventsOf(block: Buffer, header: BlockHeader, after = 0): Generator<BlockEvent> {
  let { eventsBefore, bytesBefore } = header;
  let at = HEADER_BYTES;
  while (at < block.length) {
    const bytes = block.readUInt32LE(at);
    const sequence = header.first + block.readUInt32LE(at + 4);
    const idLength = block.readUInt32LE(at + 8) - 1;
    const idAt = at + EVENT_HEADER_BYTES + bytes;
    const end = idAt + Math.max(0, idLength);
    if (sequence > after) {
      const text = block.toString('utf8', at + EVENT_HEADER_BYTES, idAt);
      const id = idLength < 0 ? null : block.toString('utf8', idAt, end);
      yield { sequence, id, text, bytes, eventsBefore, bytesBefore };
    }
    eventsBefore++;
    bytesBefore += bytes;
    at = end;
  }
}
