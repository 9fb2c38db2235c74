import type { KeyObject } from 'node:crypto';

/** Those of a shared secret. */
const HMAC = ['HS256', 'HS384', 'HS512'];
const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const EDWARDS = ['EdDSA', 'Ed25519'];
const OF_CURVE: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };

/** Those of a pair of keys: of them alone can a key set be. */
export const ASYMMETRIC: readonly string[] = [...RSA, ...Object.values(OF_CURVE), ...EDWARDS];
/** All that can be. `none` is no algorithm. */
export const ALGORITHMS: readonly string[] = [...HMAC, ...ASYMMETRIC];

/** With less, the standard has RSA refused. @see {@link https://www.rfc-editor.org/rfc/rfc7518#section-3.3 | RFC 7518, section 3.3} */
const MIN_RSA_BITS = 2_048;

/** The algorithms that a key is for, the usual one first; none when it is for no signature of a token. */
export function algorithmsOf(key: KeyObject): readonly string[] {
  if (key.type === 'secret') return HMAC;
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') return modulusLength < MIN_RSA_BITS ? [] : RSA;
  if (key.asymmetricKeyType === 'ed25519') return EDWARDS;
  const ofCurve = key.asymmetricKeyType === 'ec' ? OF_CURVE[namedCurve] : undefined;
  return ofCurve === undefined ? [] : [ofCurve];
}
