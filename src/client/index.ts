/** "tradewind/client": the receiving end. No Node import: it runs in browsers, workers, Deno and Bun as well. */

export { EventStreamError, InvalidEventError } from '../errors.js';
export { encodeEvent } from '../event-stream/encode.js';
export type { EventFields, ParsedEvent } from '../event-stream/event.js';
export { EventStreamDecoder, parseEvents } from '../event-stream/event-stream-decoder.js';
export { EventStreamParser, type EventStreamParserOptions } from '../event-stream/parser.js';
