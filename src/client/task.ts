/** A turn of the event loop. No Node import. */

/** Browsers have no such thing. The entry for Node has its own. */
export const timers: { setImmediate: ((callback: () => void) => unknown) | undefined } = {
  setImmediate: globalThis.setImmediate as ((callback: () => void) => unknown) | undefined,
};

/** Lets everything run that is due, promises and other tasks. */
export function task(): Promise<void> {
  const { setImmediate } = timers;
  return new Promise((resolve) => {
    if (setImmediate !== undefined) {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    // Node's types and a browser's do not agree on ports.
    (port1 as unknown as { onmessage: () => void }).onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
