import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether a secret is the one that is expected; how long that takes tells neither its length nor how much of it is right. */
export function isSameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

/**
 * Whether a header `Authorization: Bearer …` has a secret. Node hands its bytes over as Latin-1, which is what a page's script can
 * send; everybody else sends UTF-8.
 */
export function bearsSecret(authorization: string | undefined, expected: string): boolean {
  const given = /^bearer +(.+)$/i.exec(authorization ?? '')?.[1];
  if (given === undefined) return false;
  return isSameSecret(given, expected) || isSameSecret(Buffer.from(given, 'latin1').toString(), expected);
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
