/** Who wants which events: an element of the page, or a listener. */
export interface Interest {
  readonly channels: ReadonlySet<string>;
  /** The types that it wants; null: all. */
  readonly types: ReadonlySet<string> | null;
}

export const CHANNELS = 'data-sse-channels';
export const EVENTS = 'data-sse-events';
export const INTERESTED = `[${CHANNELS}]`;

/** What an element's attributes say. */
export function interestOf(element: Element): Interest {
  return {
    channels: new Set(namesIn(element.getAttribute(CHANNELS))),
    types: element.hasAttribute(EVENTS) ? new Set(namesIn(element.getAttribute(EVENTS))) : null,
  };
}

export function isInterested({ channels, types }: Interest, channel: string, type: string): boolean {
  return channels.has(channel) && (types === null || types.has(type));
}

/** Whether a change of the page may have changed what its elements want. */
export function mayMatter({ type, addedNodes, removedNodes }: MutationRecord): boolean {
  return type === 'attributes' || [...addedNodes, ...removedNodes].some(holdsInterested);
}

function holdsInterested(node: Node): boolean {
  return node instanceof Element && (node.matches(INTERESTED) || node.querySelector(INTERESTED) !== null);
}

function namesIn(list: string | null): string[] {
  return (list ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
