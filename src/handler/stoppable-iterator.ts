/** What `stream` pulls from. */

type Source<Item> = AsyncIterable<Item> | Iterable<Item>;

/** What `stream` needs of an iterator, whichever kind it is. */
export interface StoppableIterator<Item> {
  next(): IteratorResult<Item> | Promise<IteratorResult<Item>>;
  return?(): unknown;
}

/**
 * An iterator whose `return()` stops its source at once, even while a `next()` is waiting.
 *
 * The iterators of Node's and of the web's streams are no use for that: both let `return()` wait until the next chunk has
 * come, and a model's answer or a log that nobody reads any more would go on until then.
 */
export function stoppableIterator<Item>(source: Source<Item>): StoppableIterator<Item> {
  if (source instanceof ReadableStream) {
    const reader: ReadableStreamDefaultReader<Item> = source.getReader();
    return {
      next: () => reader.read() as Promise<IteratorResult<Item>>,
      return: () => reader.cancel(),
    };
  }
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  if (!isNodeStream(source)) return iterator;
  return {
    next: () => iterator.next(),
    return: () => source.destroy(),
  };
}

function isNodeStream(source: object): source is { destroy(): void } {
  return 'destroy' in source && typeof source.destroy === 'function' && 'readable' in source;
}
