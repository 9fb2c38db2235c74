/** How a member is known to live: it holds a lock, which the browser releases when its page is gone, however it went. */

const PREFIX = 'tradewind member ';

/** Whether there are locks: in secure contexts alone, which are HTTPS and localhost. */
export const hasLocks = (navigator as Partial<Navigator>).locks !== undefined;

/** Holds a lock from when it resolves until the function that it resolves with is called. */
function hold(name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    navigator.locks.request(name, () => new Promise<void>((release) => resolve(release))).catch(reject);
  });
}

/** Resolves once others can see that the member lives, with what to call when it leaves. */
export async function holdMember(member: string): Promise<() => void> {
  return hasLocks ? hold(PREFIX + member) : () => {};
}

/** Calls back when the member is gone, unless the signal comes first. */
export function whenGone(member: string, signal: AbortSignal, callback: () => void): void {
  // It rejects when the signal comes.
  navigator.locks.request(PREFIX + member, { signal }, callback).catch(() => {});
}
