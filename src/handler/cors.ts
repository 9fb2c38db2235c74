/** Cross-origin resource sharing: who may read a response, said in headers. */

import { ConfigurationError, quote } from '../errors.js';

/** Which origins may connect, and read what they get. */
export type CorsOrigins = '*' | string | readonly string[] | ((origin: string) => boolean);

/** The long form of the `cors` option. `'*'`, an origin, a list or a function alone is short for `{ origins }`. */
export interface CorsOptions {
  origins: CorsOrigins;
  /** Whether a browser may send cookies. Not with `'*'`, by the standard. @defaultValue false */
  credentials?: boolean;
  /** Request headers beyond the safelisted that a preflight allows. @defaultValue those that the preflight asks for */
  allowHeaders?: readonly string[];
  /** Response headers that a script may read. @defaultValue none */
  exposeHeaders?: readonly string[];
  /** How long a browser may keep a preflight's answer, in seconds. @defaultValue 600 */
  maxAgeSeconds?: number;
}

/** A `cors` option, ready to answer with. */
export class Cors {
  readonly #options: CorsOptions;

  /**
   * @throws {@link ConfigurationError} `INVALID_CORS` when `'*'` is combined with credentials, or an origin is not one such
   *   as `https://shop.example`.
   */
  constructor(option: CorsOrigins | CorsOptions) {
    this.#options = isOptions(option) ? option : { origins: option };
    assertOrigins(this.#options.origins);
    if (this.#options.origins === '*' && this.#options.credentials) {
      throw new ConfigurationError(
        'INVALID_CORS',
        `Invalid cors option: origins "*" with credentials. Browsers refuse that; name the origins.`,
      );
    }
  }

  allows(origin: string): boolean {
    const { origins } = this.#options;
    // An async function would be a yes to everybody.
    if (typeof origins === 'function') return origins(origin) === true;
    if (typeof origins === 'string') return origins === '*' || origins === origin;
    return origins.includes(origin);
  }

  /** The headers of a response to a request with this `Origin`; on errors as well, so that a script can read the status. */
  responseHeaders(origin: string | undefined): Record<string, string> {
    const { origins, credentials, exposeHeaders } = this.#options;
    const headers: Record<string, string> = {};
    if (origins === '*') headers['Access-Control-Allow-Origin'] = '*';
    else {
      headers['Vary'] = 'Origin';
      if (origin === undefined || !this.allows(origin)) return headers;
      headers['Access-Control-Allow-Origin'] = origin;
      if (credentials) headers['Access-Control-Allow-Credentials'] = 'true';
    }
    if (exposeHeaders?.length) headers['Access-Control-Expose-Headers'] = exposeHeaders.join(', ');
    return headers;
  }

  /** The further headers of a preflight's answer. */
  preflightHeaders(methods: readonly string[], requestedHeaders: string | undefined): Record<string, string> {
    const { allowHeaders, maxAgeSeconds = 600 } = this.#options;
    const headers: Record<string, string> = {
      'Access-Control-Allow-Methods': methods.join(', '),
      'Access-Control-Max-Age': `${maxAgeSeconds}`,
    };
    const allowed = allowHeaders?.join(', ') ?? requestedHeaders;
    if (allowed) headers['Access-Control-Allow-Headers'] = allowed;
    return headers;
  }
}

/** Whether an `Origin` names the host that the request was sent to, port included; the scheme may differ behind a proxy. */
export function isSameHost(origin: string, host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(origin)) return false;
  const { host: originHost, protocol } = new URL(origin);
  const defaultPort = protocol === 'https:' ? ':443' : ':80';
  const requested = host.toLowerCase();
  return requested === originHost || requested === originHost + defaultPort;
}

function assertOrigins(origins: unknown): void {
  if (typeof origins === 'function') return;
  for (const origin of Array.isArray(origins) ? origins : [origins]) {
    // A browser sends no path, no upper case and no default port: what is written otherwise would never match.
    if (origin === '*' || origin === 'null' || isOrigin(origin)) continue;
    throw new ConfigurationError(
      'INVALID_CORS',
      `Invalid cors option: ${quote(origin)} is not an origin. Write it as browsers do, such as "https://shop.example".`,
    );
  }
}

function isOrigin(text: unknown): boolean {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  const { protocol, host } = new URL(text);
  return `${protocol}//${host}` === text;
}

function isOptions(option: CorsOrigins | CorsOptions): option is CorsOptions {
  if (typeof option === 'object' && option !== null && 'origins' in option) return true;
  if (typeof option === 'string' || typeof option === 'function' || Array.isArray(option)) return false;
  throw new ConfigurationError(
    'INVALID_CORS',
    `Invalid cors option: ${quote(option)}. Use "*", origins, or { origins }.`,
  );
}
