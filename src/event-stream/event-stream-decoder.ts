/** The parser in the shapes that streams and texts ask for. No Node import. */

import type { ParsedEvent } from './event.js';
import { EventStreamParser, type EventStreamParserOptions } from './parser.js';

/**
 * Bytes in, events out, as a web stream. Its readable side fails with `EVENT_TOO_LARGE` above `maxEventBytes`.
 *
 * @example
 * ```ts
 * const { body } = await fetch('http://127.0.0.1:8888/doge/shiba');
 * const events = body!.pipeThrough(new EventStreamDecoder());
 * for await (const { type, data } of events) console.log(type, data);
 * ```
 */
export class EventStreamDecoder extends TransformStream<Uint8Array, ParsedEvent> {
  /** @param options - as the parser's; events are read from the stream. */
  constructor(options: Omit<EventStreamParserOptions, 'onEvent'> = {}) {
    let parser: EventStreamParser;
    super({
      start(controller) {
        parser = new EventStreamParser({ ...options, onEvent: (event) => controller.enqueue(event) });
      },
      transform: (chunk) => parser.push(chunk),
    });
  }
}

/**
 * Reads a whole event stream. An event that the text breaks off is none.
 *
 * @example
 * ```ts
 * parseEvents('id: 7\ndata: wow\n\n'); // [{ type: 'message', data: 'wow', lastEventId: '7' }]
 * ```
 * @throws {@link EventStreamError} `EVENT_TOO_LARGE` above `maxEventBytes`.
 */
export function parseEvents(
  text: string | Uint8Array,
  options: Omit<EventStreamParserOptions, 'onEvent'> = {},
): ParsedEvent[] {
  const events: ParsedEvent[] = [];
  const parser = new EventStreamParser({ ...options, onEvent: (event) => events.push(event) });
  parser.push(text);
  parser.end();
  return events;
}
