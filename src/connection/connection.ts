/** One open event stream: its queue, its backpressure, its end. */

import type { Socket } from 'node:net';
import { ACCEPTED } from '../accepted.js';
import { Frame } from '../event-stream/frame.js';
import { Batch } from './batch.js';
import { type CloseReason, isLost } from './close-reason.js';
import type { ConnectionOptions } from './connection-options.js';
import type { ConnectionRegistry } from './connection-registry.js';
import type { ConnectionTotals } from './connection-totals.js';
import type { AnsweredRequest } from './open-connection.js';
import type { ContentCoding } from './shared-gzip.js';
import { LatestFrames } from './slow-consumer.js';
import type { Transport } from './transport.js';
import { flushAtTurnEnd } from './turn.js';
import type { TurnWrites } from './turn-writes.js';

const GONE = Promise.resolve(false);
const HEARTBEAT = Frame.ofComment('');
/** What `#checkedBytes` is after a heartbeat: the bytes that are put until the next check are its own, and `#wroteAt` has their time. */
const HAS_BEATEN = -1;

/** A large write is handed over in pieces of this size, so that a slow client can be told from a stalled one. */
const SLICE_BYTES = 64 * 1024;

/**
 * Takes frames and brings them to one client, in order, at the client's pace.
 *
 * All that is given in one turn of the event loop leaves in one write, up to 64 KiB. While that is on its way, what comes after waits in
 * a queue of shared frames: a socket's own queue could not be dropped from.
 *
 * `open` → (`close`) → `closing` → (the queue has been written) → `ended` → (the client has taken it) → `closed`; straight to
 * `closed` when the client is lost. Once not open it accepts nothing, but it is looked after until it is closed.
 */
export class Connection {
  readonly options: ConnectionOptions;
  /** Its number; see {@link ConnectionRegistry.add}. */
  readonly id: number;
  /** What it answers. */
  readonly request: AnsweredRequest;
  /** The channels that it is subscribed to; null: none so far. */
  channels: Iterable<string> | null = null;
  readonly #transport: Transport;
  readonly #coding: ContentCoding | null;
  readonly #registry: ConnectionRegistry;
  readonly #onClose: (reason: CloseReason) => void;
  #state: 'open' | 'closing' | 'ended' | 'closed' = 'open';
  /** What this turn has brought so far, while nothing is on its way. */
  #batch: Batch | null = null;
  /** What waits behind what is on its way: it may have to be dropped, frame by frame. */
  #waiting: Frame[] = [];
  #waitingBytes = 0;
  /** So much may a turn bring before it has to be asked what the transport holds. */
  readonly #freeBytes: number;
  /** What the `latest` policy has kept of what waited above the limit; it comes before `#waiting`. */
  #latest: LatestFrames | null = null;
  /** What is left to put of what is on its way; null when the transport has room. */
  #rest: Buffer | null = null;
  #isScheduled = false;
  #room: { promise: Promise<boolean>; resolve: (accepted: boolean) => void } | null = null;
  /** How many bytes were put in all. */
  #putBytes = 0;
  /** At the last check: how many had been put, or {@link HAS_BEATEN}; and how many had been taken. */
  #checkedBytes = 0;
  #takenBytes = 0;
  #sentEvents = 0;
  #droppedEvents = 0;
  /** In the clock's milliseconds, whole ones: a fraction would be an object of its own. */
  readonly #openedAt: number;
  /**
   * When bytes were last seen to have been put, and to have been taken; in the clock's milliseconds. Seen by the check, not
   * noted at each write: that would cost a reading of the clock, and nobody asks in between.
   */
  #wroteAt: number;
  #progressAt: number;
  /** What the kernel held when it was last asked, since the last progress that was seen without asking. */
  #heldBytes = 0;

  constructor(
    transport: Transport,
    registry: ConnectionRegistry,
    options: ConnectionOptions,
    onClose: (reason: CloseReason) => void,
    request: AnsweredRequest,
    coding: ContentCoding | null = null,
  ) {
    this.options = options;
    this.request = request;
    this.#transport = transport;
    this.#coding = coding;
    this.#freeBytes = options.highWaterMarkBytes - transport.mostBytes;
    this.#registry = registry;
    this.#onClose = onClose;
    this.#wroteAt = registry.clock.now();
    this.#progressAt = this.#wroteAt;
    this.#openedAt = Math.floor(this.#wroteAt);
    this.id = registry.add(this);
  }

  /** Whether it still accepts events. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Bytes that were accepted and that the operating system has not taken yet. */
  get bufferedBytes(): number {
    return (
      (this.#batch?.byteLength ?? 0) +
      this.#waitingBytes +
      (this.#rest?.length ?? 0) +
      (this.#state === 'closed' ? 0 : this.#transport.queuedBytes)
    );
  }

  /** Where what becomes of it is counted. */
  get totals(): ConnectionTotals {
    return this.#registry.totals;
  }

  /** How long ago it was opened, in milliseconds. */
  get ageMs(): number {
    return Math.max(0, Math.floor(this.#registry.clock.now()) - this.#openedAt);
  }

  /** Bytes that were handed over, as HTTP/1.1 frames them, if it does; after compression. */
  get sentBytes(): number {
    return this.#putBytes;
  }

  /** Events that were handed over. The last of them may be on their way. */
  get sentEvents(): number {
    return this.#sentEvents;
  }

  /** Events that were accepted, and are not handed over yet. */
  get queuedEvents(): number {
    let count = this.#batch?.eventCount ?? 0;
    for (const frame of this.#waiting) count += frame.eventCount;
    for (const frame of this.#latest?.frames() ?? []) count += frame.eventCount;
    return count;
  }

  /** Events that were accepted, and dropped by the slow-consumer policy. */
  get droppedEvents(): number {
    return this.#droppedEvents;
  }

  /**
   * Accepts a frame. Resolves `true` when there is room for the next, `false` when the connection is gone; never rejects.
   */
  send(frame: Frame): Promise<boolean> {
    // Hot path: bench/fanout.
    if (this.#state !== 'open') return GONE;
    const { options } = this;
    if (this.#rest === null) {
      const batch = this.#batch === null ? Batch.begin(frame) : this.#batch.with(frame);
      this.#batch = batch;
      if (!this.#isScheduled) this.#schedule();
      // The transport is not looked at for each event: with nothing left to put, it holds no more than it says.
      if (batch.byteLength <= this.#freeBytes) return ACCEPTED;
    } else {
      this.#waiting.push(frame);
      this.#waitingBytes += frame.byteLength;
      if (this.#waitingBytes > options.maxBufferedBytes && !this.#shed()) return GONE;
    }
    return this.bufferedBytes > options.highWaterMarkBytes ? this.#untilRoom() : ACCEPTED;
  }

  /**
   * Ends the stream. What was accepted is still written, unless the reason says that it cannot be. `onClose` is called
   * before it returns, with the first reason; a later one that says that the client is lost drops what is left to write.
   */
  close(reason: CloseReason): void {
    const wasOpen = this.#state === 'open';
    if (wasOpen) {
      this.#state = 'closing';
      this.#registry.totals.ended[reason.kind]++;
      this.#room?.resolve(false);
      this.#room = null;
    }
    if (isLost(reason) && this.#state !== 'closed') {
      this.#release();
      this.#transport.destroy();
    } else if (wasOpen && this.#rest === null) this.flush();
    if (wasOpen) this.#onClose(reason);
  }

  /** See {@link Transport.descriptor}. Once it has ended, there is nothing to write any more. @internal */
  get descriptor(): number {
    return this.isOpen ? this.#transport.descriptor : -1;
  }

  /**
   * Has what this turn has brought written together with what others write.
   *
   * @returns false: it is left, for {@link flush}. What throws leaves it as well.
   * @internal
   */
  writeWith(writes: TurnWrites<this>): boolean {
    // Hot path: bench/fanout.
    const batch = this.#batch;
    if (batch === null || this.#room !== null || !this.#transport.hasDescriptor) return false;
    const bytes = this.#shape(batch.join());
    this.#batch = null;
    this.#isScheduled = false;
    this.#countSent(batch.eventCount, bytes.length);
    writes.add(this, bytes);
    return true;
  }

  /** Keeps what the system had no room for, until {@link writeRest}. @internal */
  keepRest(rest: Buffer): void {
    this.#countSent(0, -rest.length);
    if (this.isOpen) this.#rest = rest;
  }

  /** Goes on with what there was no room for: there may be some now. @internal */
  writeRest(): void {
    const rest = this.#rest;
    if (rest === null || this.#state === 'closed') return;
    this.#rest = null;
    this.#put(rest);
    this.flush();
  }

  /** Writes what waits. Called at the end of a turn, and when the client has taken what was on its way. @internal */
  flush(): void {
    this.#isScheduled = false;
    const frame = this.#rest === null ? this.#takeAll() : null;
    if (frame !== null) {
      const bytes = this.#shape(frame);
      this.#countSent(frame.eventCount, 0);
      this.#put(bytes);
    }
    if (this.#state === 'closing' && this.#rest === null && this.#batch === null) {
      this.#state = 'ended';
      this.#transport.end();
      if (this.#transport.queuedBytes === 0) this.#release();
    }
    // With nothing left to put, the transport has room, whatever it holds, and will not say so again.
    if (this.#room !== null && (this.#rest === null || this.bufferedBytes <= this.options.highWaterMarkBytes)) {
      this.#room.resolve(true);
      this.#room = null;
    }
  }

  /**
   * Looks whether a heartbeat is due or the client has stalled. Called by the registry's timer.
   *
   * @returns the socket of a client that may have stalled, for {@link judge}: whether it has, only the kernel knows. It tells
   *   Node that there is room when a third of its buffer is free, which for a slow reader of a large one can take minutes.
   * @internal
   */
  check(now: number): Socket | null {
    const { heartbeatMs, stallMs } = this.options;
    const { queuedBytes } = this.#transport;
    // Not only what waits for room: a client that reads nothing and gets little never fills the socket's queue.
    const isBehind = this.#rest !== null || queuedBytes > 0;
    const takenBytes = this.#putBytes - queuedBytes;
    if (!isBehind || takenBytes !== this.#takenBytes) {
      this.#progressAt = now;
      this.#heldBytes = 0;
    }
    if (this.#putBytes !== this.#checkedBytes && this.#checkedBytes !== HAS_BEATEN) this.#wroteAt = now;
    this.#takenBytes = takenBytes;
    this.#checkedBytes = this.#putBytes;
    if (this.#state === 'ended' && !isBehind) this.#release();
    else if (isBehind) {
      if (stallMs === 0 || now - this.#progressAt < stallMs / 2) return null;
      if (this.#transport.socket !== null) return this.#transport.socket;
      this.judge(now, null);
    } else if (heartbeatMs > 0 && this.#state === 'open' && now - this.#wroteAt >= heartbeatMs) {
      void this.send(HEARTBEAT);
      this.#wroteAt = now;
      this.#checkedBytes = HAS_BEATEN;
    }
    return null;
  }

  /**
   * Cuts the client off if it has taken nothing for `stallMs`.
   *
   * @param heldBytes - how much of what was written its socket's kernel still holds; `null`: not known.
   * @internal
   */
  judge(now: number, heldBytes: number | null): void {
    const hasMoved = this.#putBytes - this.#transport.queuedBytes !== this.#takenBytes;
    if (this.#state === 'closed' || hasMoved) return;
    if (heldBytes !== null && heldBytes < this.#heldBytes) this.#progressAt = now;
    this.#heldBytes = heldBytes ?? 0;
    if (now - this.#progressAt >= this.options.stallMs) this.close({ kind: 'slow-consumer' });
  }

  #schedule(): void {
    this.#isScheduled = true;
    flushAtTurnEnd(this);
  }

  /** All that there is to write, as one frame. */
  #takeAll(): Frame | null {
    const batch = this.#batch;
    if (batch !== null) {
      this.#batch = null;
      return batch.join();
    }
    const frames = this.#latest === null ? this.#waiting : [...this.#latest.frames(), ...this.#waiting];
    if (frames.length === 0) return null;
    this.#latest = null;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return Frame.join(frames);
  }

  #shape(frame: Frame): Buffer {
    return this.#transport.shape(this.#coding === null ? frame : this.#coding.encode(frame));
  }

  #countSent(events: number, bytes: number): void {
    const { totals } = this.#registry;
    this.#sentEvents += events;
    totals.sentEvents += events;
    this.#putBytes += bytes;
    totals.sentBytes += bytes;
  }

  #put(bytes: Buffer): void {
    // Not null while it is put: what a middleware's `write` sends meanwhile is to wait behind it.
    this.#rest = bytes;
    for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
      const slice = bytes.length <= SLICE_BYTES ? bytes : bytes.subarray(start, start + SLICE_BYTES);
      const hasRoom = this.#putSlice(slice);
      if (this.#state === 'closed') return;
      if (hasRoom) continue;
      this.#rest = bytes.subarray(start + slice.length);
      this.#transport.onceDrained(() => this.writeRest());
      return;
    }
    this.#rest = null;
    const sentMeanwhile = this.#takeAll();
    if (sentMeanwhile === null) return;
    this.#batch = Batch.begin(sentMeanwhile);
    this.#schedule();
  }

  #putSlice(slice: Buffer): boolean {
    try {
      this.#countSent(0, slice.length);
      return this.#transport.put(slice);
    } catch (error) {
      // A middleware's own `write` may throw; one bad connection must not keep the others of this turn from theirs.
      this.close({ kind: 'write-failed', error });
      return true;
    }
  }

  #untilRoom(): Promise<boolean> {
    if (this.#room === null) {
      let resolve!: (accepted: boolean) => void;
      const promise = new Promise<boolean>((settle) => {
        resolve = settle;
      });
      this.#room = { promise, resolve };
    }
    return this.#room.promise;
  }

  /** Applies the slow-consumer policy to what waits. False: the connection was cut. */
  #shed(): boolean {
    const { slowConsumer, maxBufferedBytes } = this.options;
    // A lone event above the limit is no sign of a slow consumer: it is only a large event.
    if (this.#waiting.length === 1 && this.#latest === null) return true;
    if (slowConsumer === 'disconnect') {
      this.close({ kind: 'slow-consumer' });
      return false;
    }
    if (slowConsumer === 'latest') {
      this.#latest ??= new LatestFrames();
      this.#latest.add(this.#waiting);
      this.#latest.shrinkTo(maxBufferedBytes);
      this.#countDropped(this.#latest.takeDropped());
      this.#waiting = [];
      this.#waitingBytes = this.#latest.byteLength;
    }
    // From the front, one by one: to look through a full queue for each event would delay the other connections.
    while (this.#waitingBytes > maxBufferedBytes && this.#waiting.length > 1) {
      const dropped = this.#waiting.shift()!;
      this.#waitingBytes -= dropped.byteLength;
      this.#countDropped(dropped.eventCount);
    }
    return true;
  }

  #countDropped(events: number): void {
    const { slowConsumer } = this.options;
    this.#droppedEvents += events;
    if (slowConsumer !== 'disconnect') this.#registry.totals.droppedEvents[slowConsumer] += events;
  }

  #release(): void {
    this.#state = 'closed';
    this.#batch = null;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#latest = null;
    this.#rest = null;
    this.#registry.delete(this);
  }
}
