/** What {@link inWorkers} says between its primary and the workers, beside what brokers say. */

/** From a worker: it is there, it runs, it failed to start, it ends of itself. */
export type FromWorker =
  | { readonly tradewind: 'worker'; readonly is: 'there' | 'up' | 'ending' }
  | { readonly tradewind: 'worker'; readonly is: 'failed'; readonly message: string; readonly stack: string };

/** To a worker: run, with this index; close what you have. */
export type FromPrimary = { readonly tradewind: 'primary' } & (
  | { readonly do: 'run'; readonly index: number }
  | { readonly do: 'close' }
);

export function isFromWorker(message: unknown): message is FromWorker {
  return (message as { tradewind?: unknown } | null)?.tradewind === 'worker';
}

export function isFromPrimary(message: unknown): message is FromPrimary {
  return (message as { tradewind?: unknown } | null)?.tradewind === 'primary';
}
