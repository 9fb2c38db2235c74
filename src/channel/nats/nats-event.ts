/** Events as messages of NATS: the payload is the event as it goes on the wire, and a publisher's own id is a header. */

import { Buffer } from 'node:buffer';
import { headers, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import { encodeEvent } from '../../event-stream/encode.js';
import type { LogEvent } from '../event-log.js';

const ID_HEADER = 'Tradewind-Id';
/** What the headers take beside the id, and for what is escaped of one such as `urn:uuid:…`. */
export const HEADER_BYTES = 64;
/** An event that was encoded here; without any field it is the empty line that ends it. */
const ENCODED = /^((event|retry|data)(: |\n).*\n)?\n$/s;

export function headersOf(id: string | null): MsgHdrs | undefined {
  if (id === null) return undefined;
  const hdrs = headers();
  // By way of its bytes: half of a surrogate pair cannot be escaped, and goes on the wire as the replacement character.
  hdrs.set(ID_HEADER, encodeURIComponent(Buffer.from(id).toString()));
  return hdrs;
}

/** The publisher's own id; null: it gave none, or one that no event may have. */
export function ownIdOf(hdrs: MsgHdrs | undefined): string | null {
  if (hdrs === undefined || !hdrs.has(ID_HEADER)) return null;
  try {
    const id = decodeURIComponent(hdrs.get(ID_HEADER));
    encodeEvent({ id });
    return id;
  } catch {
    return null;
  }
}

/** An event of a message that is kept. What another program published is the data of an event of type `message`. */
export function eventOf(sequence: number, { headers: hdrs, data }: Pick<Msg, 'headers' | 'data'>): LogEvent {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString();
  return { sequence, id: ownIdOf(hdrs), text: ENCODED.test(text) ? text : encodeEvent({ data: text }) };
}
