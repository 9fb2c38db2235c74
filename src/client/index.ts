/** "tradewind/client": the receiving end. No Node import: it runs in browsers, workers, Deno and Bun as well. */

export { ConfigurationError, EventStreamError, HttpError, InvalidEventError, TradewindError } from '../errors.js';
export { encodeEvent } from '../event-stream/encode.js';
export type { EventFields, ParsedEvent } from '../event-stream/event.js';
export { EventStreamDecoder, parseEvents } from '../event-stream/event-stream-decoder.js';
export { EventStreamParser, type EventStreamParserOptions } from '../event-stream/parser.js';
export { EventSource, type EventSourceOptions } from './event-source.js';
export { type EventStream, streamEvents } from './stream-events.js';
export type { RetryOptions, StreamEventsOptions, StreamState } from './stream-options.js';
export type { StreamRequestOptions } from './stream-request.js';
export { type DataText, json, type TypedEvent, type TypedMessageEvent } from './typed-event.js';
