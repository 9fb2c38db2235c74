/** How many events are known again. Those on their way when one tab takes over from another are far fewer. */
const REMEMBERED = 1_000;

/** The last events that came. Two streams may bring the same one, where one goes on for the other. */
export class RecentEvents {
  /** Channel and id, which no other event has, in order. */
  readonly #events = new Set<string>();

  /** Notes an event. False if it came before. */
  add(channel: string, id: string): boolean {
    const event = `${channel}\n${id}`;
    // Without an id, nobody can tell.
    if (id === '') return true;
    if (this.#events.has(event)) return false;
    this.#events.add(event);
    if (this.#events.size > REMEMBERED) this.#events.delete(this.#events.values().next().value ?? '');
    return true;
  }

  /** Whether any of these channels had an event after that one; null when that one is not known. */
  hasAnyAfter(id: string, channels: readonly string[]): boolean | null {
    const events = [...this.#events].map((event) => event.split('\n'));
    const at = events.findLastIndex(([, each]) => each === id);
    return at === -1 ? null : events.slice(at + 1).some(([channel = '']) => channels.includes(channel));
  }
}
