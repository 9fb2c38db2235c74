/** Events that say of themselves what they are of, for clients that cannot tell otherwise. */

import { parseEvents } from '../../event-stream/event-stream-decoder.js';
import { Frame } from '../../event-stream/frame.js';
import { EventStreamParser } from '../../event-stream/parser.js';

/** By the channel as it was asked for: an update of several topics has several. */
const labelled = new WeakMap<Frame, Map<string, Frame>>();

/**
 * The event of a channel as one of type `message`, whose data is `{"channel","type","data"}`: an EventSource hears only the types that
 * it was told of. Made once for all who are sent the event.
 */
export function labelledFrame(frame: Frame, channel: string): Frame {
  const ofFrame = labelled.get(frame) ?? new Map<string, Frame>();
  labelled.set(frame, ofFrame);
  const wrapped = ofFrame.get(channel) ?? wrap(frame, channel);
  ofFrame.set(channel, wrapped);
  return wrapped;
}

/** Where a stream stands, as a message without a channel: a script does not see a block that has nothing but an id. */
export function labelledPlace(frame: Frame): Frame {
  const parser = new EventStreamParser();
  parser.push(frame.bytes);
  return Frame.ofMessage('message', { type: 'place', data: '' }, { id: parser.lastEventId });
}

function wrap(frame: Frame, channel: string): Frame {
  let retry: number | undefined;
  const onRetry = (ms: number) => {
    retry = ms;
  };
  const [event] = parseEvents(frame.bytes, { maxEventBytes: frame.byteLength, onRetry });
  const { type = 'message', data = '', lastEventId = '' } = event ?? {};
  return Frame.ofMessage('message', { channel, type, data }, { id: lastEventId || undefined, retry });
}
