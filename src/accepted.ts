/**
 * What a writer is given that need not wait: one promise for all, so that nobody has to wait for it to know that it has
 * resolved.
 */
export const ACCEPTED: Promise<boolean> = Promise.resolve(true);
