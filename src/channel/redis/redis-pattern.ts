/** Names of channels with a star, which stand for all channels that they match: `news.*`. A star is any text, also none. */

/** Whether a name stands for all channels that it matches. */
export function isPattern(name: string): boolean {
  return name.includes('*');
}

/** A pattern as Redis writes them: what else is special to Redis means itself. */
export function globOf(pattern: string): string {
  // Two stars say what one says, and take Redis longer.
  return pattern.replace(/[?[\]\\^]/g, '\\$&').replace(/\*+/g, '*');
}

/** A text as Redis writes patterns: nothing in it is special. */
export function escapeGlob(text: string): string {
  return globOf(text).replace(/\*/g, '\\*');
}

/** Makes a test for the channels that a pattern matches. It takes one go over a name, whatever the pattern. */
export function matcherOf(pattern: string): (channel: string) => boolean {
  if (!isPattern(pattern)) return (channel) => channel === pattern;
  const parts = pattern.split('*');
  const first = parts.shift() ?? '';
  const last = parts.pop() ?? '';
  return (channel) => {
    if (channel.length < first.length + last.length || !channel.startsWith(first) || !channel.endsWith(last))
      return false;
    const end = channel.length - last.length;
    let at = first.length;
    for (const part of parts) {
      const found = channel.indexOf(part, at);
      if (found === -1 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
