/** What `stream` pulls from. */

import { quote, TradewindError } from '../errors.js';

type Source<Item> = AsyncIterable<Item> | Iterable<Item>;

/** What `stream` needs of an iterator, whichever kind it is. */
export interface StoppableIterator<Item> {
  next(): IteratorResult<Item> | Promise<IteratorResult<Item>>;
  return?(): unknown;
}

/**
 * An iterator whose `return()` stops its source at once, even while a `next()` is waiting. Items that are promises are
 * awaited, as `for await` does it, and chunks of bytes are decoded as the one text that they are.
 *
 * The iterators of Node's and of the web's streams are no use for that: both let `return()` wait until the next chunk has
 * come, and a model's answer or a log that nobody reads any more would go on until then.
 *
 * @throws {@link TradewindError} `NOT_ITERABLE` when the source is nothing that can be iterated, or a string.
 */
export function stoppableIterator<Item>(source: Source<Item>): StoppableIterator<Item | string> {
  const iterator = iteratorOf(source);
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  const next = async (): Promise<IteratorResult<Item | string>> => {
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) {
        const cutOff = decoder?.decode();
        return cutOff ? { done: false, value: cutOff } : { done: true, value };
      }
      const item = await value;
      if (!(item instanceof Uint8Array)) return { done: false, value: item };
      decoder ??= new TextDecoder('utf-8', { ignoreBOM: true });
      const text = decoder.decode(item, { stream: true });
      // A chunk that holds no more than a part of a character is no item yet.
      if (text !== '' || item.length === 0) return { done: false, value: text };
    }
  };
  return { next, return: () => iterator.return?.() };
}

function iteratorOf<Item>(source: Source<Item>): StoppableIterator<Item> {
  if (source instanceof ReadableStream) {
    const reader: ReadableStreamDefaultReader<Item> = source.getReader();
    return {
      next: () => reader.read() as Promise<IteratorResult<Item>>,
      return: () => reader.cancel(),
    };
  }
  if (!isIterable(source)) {
    throw new TradewindError('NOT_ITERABLE', `Cannot stream ${quote(source)}. Pass an array, a generator or a stream.`);
  }
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  if (!isNodeStream(source)) return iterator;
  return {
    next: () => iterator.next(),
    return: () => source.destroy(),
  };
}

/** A string is iterable as well, but by its characters: nobody means that. */
export function isIterable(source: unknown): source is object {
  return typeof source === 'object' && source !== null && (Symbol.asyncIterator in source || Symbol.iterator in source);
}

/** Whether it is one of Node's or the web's readable streams. */
export function isStream(source: object): boolean {
  return source instanceof ReadableStream || isNodeStream(source);
}

function isNodeStream(source: object): source is { destroy(): void } {
  return 'destroy' in source && typeof source.destroy === 'function' && 'readable' in source;
}
