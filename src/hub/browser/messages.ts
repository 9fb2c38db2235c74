/** What a link tells its members. It crosses to other tabs, so it is plain data. */

/** What is known of events that were lost. */
export interface Lost {
  /** Where the stream, or the page, was. */
  readonly lastEventId: string;
  /** The oldest event that is kept after it; `null` when there is none, or when nobody knows. */
  readonly earliestId: string | null;
}

/** Each carries how far the stream has come: the `lastEventId` to come back with. */
export type LinkMessage = { readonly lastEventId: string } & (
  | { readonly kind: 'event'; readonly channel: string; readonly type: string; readonly data: string }
  /** Nothing but its `lastEventId`. */
  | { readonly kind: 'place' }
  | { readonly kind: 'gap'; readonly lost: Lost }
  | { readonly kind: 'open' }
  /** `channel` and `status` where the hub refuses a channel for good; without them, the stream was lost. */
  | { readonly kind: 'error'; readonly willRetry: boolean; readonly channel?: string; readonly status?: number }
);

/** A text that nobody guesses, of 32 characters from `0-9a-f`: names members, and connections to the hub. */
export function randomName(): string {
  // `crypto.randomUUID` is there in secure contexts alone.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
