const MOST = 256;

/** A text of the network's, no longer than a page has use for. */
export function shortened(text: string): string {
  return text.length <= MOST ? text : `${text.slice(0, MOST - 1)}…`;
}
