import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether a secret is the one that is expected; how long that takes tells neither its length nor how much of it is right. */
export function isSameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
