/** Events as a map of types knows them. No Node import. */

import type { EventMap, ParsedEvent } from '../event-stream/event.js';

declare const DATA: unique symbol;

/** The text that a handler's `writeMessage` makes of `Data`: a string as it is, anything else as its JSON. */
export type DataText<Data> = Data extends string ? Data : string & { readonly [DATA]?: Data };

/** A received event, whose type tells its data. The same map types the handler that writes it. */
export type TypedEvent<Events extends EventMap> = string extends keyof Events
  ? ParsedEvent
  : { [Type in keyof Events & string]: ParsedEvent & { type: Type; data: DataText<Events[Type]> } }[keyof Events &
      string];

/** A `MessageEvent` whose data is known by the event map. */
export type TypedMessageEvent<Data = string> = Omit<MessageEvent, 'data'> & { readonly data: DataText<Data> };

/**
 * Reads an event's data as JSON, with the type that the event map has for it.
 *
 * @example
 * ```ts
 * for await (const event of streamEvents<{ tick: { price: number } }>('http://127.0.0.1:8888/prices')) {
 *   if (event.type === 'tick') console.log(json(event).price);
 * }
 * ```
 * @throws SyntaxError when the data is no JSON.
 */
export function json<Data>(event: { readonly data: string & { readonly [DATA]?: Data } }): Data {
  return JSON.parse(event.data) as Data;
}
