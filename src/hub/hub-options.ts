/** What a hub may be set to, and where that is wrong. */

import { isIP } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import type { Broker } from '../channel/broker.js';
import type { Clock } from '../clock.js';
import { quote } from '../errors.js';
import type { CorsOrigins } from '../handler/cors.js';
import type { Logger } from '../logger.js';
import { OptionFaults } from '../option-faults.js';
import {
  type Limits,
  type MountOptions,
  resolveOptions,
  type TrustProxy,
  withoutUndefined,
} from '../routing/options.js';
import type { RouterOptions } from '../routing/request-router.js';
import { Authorizer, type AuthorizerOptions } from './authorization/authorizer.js';
import type { HubHooks, HubLimits } from './hub-core.js';
import type { GraphiteExporterOptions } from './metrics/graphite-exporter.js';

export interface HubOptions extends HubHooks {
  /** The TCP port; `0` takes a free one. @defaultValue 0 */
  port?: number;
  /** The address to listen on. Another than a loopback one needs a key, see {@link jwtKey} and {@link publishKey}. @defaultValue `'127.0.0.1'` */
  host?: string;
  /** A key and certificate make it HTTPS. */
  tls?: SecureContextOptions;
  /** HTTP/2, with HTTP/1.1 for clients that lack it. Needs `tls`. @defaultValue false */
  http2?: boolean;
  /** Keeps events, and brings them to other processes. The hub does not close it. @defaultValue a {@link MemoryBroker} with a history of 200,000 events and 64 MiB a channel, for a day */
  broker?: Broker;
  /** What tokens are checked with: a shared secret, a public key (PEM or JWK), see `TokenVerifier`. */
  jwtKey?: AuthorizerOptions['jwtKey'];
  /** What publishers' tokens are checked with instead, so that a subscriber's key signs none. @defaultValue `jwtKey` and `jwksUrl` */
  publisherJwtKey?: AuthorizerOptions['publisherJwtKey'];
  /** Where the keys are that tokens are checked with. */
  jwksUrl?: string;
  /** Lets whoever has it publish on anything. */
  publishKey?: string;
  /** Whether a subscriber may come without a token, and gets what is public. @defaultValue without `jwtKey` and `jwksUrl`: true */
  anonymous?: boolean;
  /** Origins of pages that may subscribe, with cookies, beside the hub's own. `'*'`: any, without cookies. @defaultValue none */
  cors?: CorsOrigins;
  /** Origins of pages that may publish with the cookie, beside the hub's own. @defaultValue none */
  publishOrigins?: readonly string[];
  cookieName?: string;
  /** Whether subscribers with the right are told who has come and gone, and may ask. @defaultValue with a key, true: without one, everybody would be told of everybody */
  presence?: boolean;
  /** Whether a subscriber that has lost events is told by `event: gap`. @defaultValue true */
  gapEvents?: boolean;
  /** How long a poll waits for an event, in milliseconds. @defaultValue 25000 */
  pollMs?: number;
  /** The largest body of a publish, in bytes; more is answered 413. @defaultValue 1048576 (1 MiB) */
  maxBodyBytes?: number;
  limits?: Limits & Partial<HubLimits>;
  /** As of a mount: heartbeats, slow consumers, compression. */
  streams?: Omit<MountOptions, 'cors' | 'maxBodyBytes'>;
  /** Where to send the subscribers of each channel, for Graphite, by UDP. @defaultValue nowhere */
  graphite?: Omit<GraphiteExporterOptions, 'counts' | 'logger' | 'clock'>;
  /** Whether `/metrics` answers. It asks nobody who they are. @defaultValue true */
  metrics?: boolean;
  /** Where whoever asks for `/`, and neither for channels nor for a stream, is sent. @defaultValue a page that says what this is */
  home?: string;
  /** Where the handlers come from that you mount; the hub's broker is bound in it as {@link BROKER}. @defaultValue a new, empty container */
  container?: RouterOptions['container'];
  /** Whether there is a page at `/console/` that shows what goes on. @defaultValue true */
  console?: boolean;
  trustProxy?: TrustProxy;
  logger?: Logger;
  clock?: Clock;
}

const HUB_LIMITS: HubLimits = { topicsPerConnection: 100, updatesPerRequest: 10_000, publishesPerSecond: 0 };
/** @see https://www.rfc-editor.org/rfc/rfc6265#section-4.1.1 */
const COOKIE_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const RESPONSE_HEADERS = ['Last-Event-ID', 'Link'];

/** Options with every default filled in, as the hub's parts take them. */
export interface ResolvedHubOptions {
  readonly authorizer: Authorizer;
  readonly publishKey: string | null;
  readonly limits: HubLimits;
  readonly router: RouterOptions;
  /** What was said about the hub that somebody should hear when it starts; null: nothing. */
  readonly warning: string | null;
}

/** @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong. */
export function resolveHubOptions(options: HubOptions): ResolvedHubOptions {
  const faults = new OptionFaults();
  const { jwtKey, publisherJwtKey, jwksUrl, publishKey = null, host = '127.0.0.1' } = options;
  const hasTokens = jwtKey !== undefined || jwksUrl !== undefined;
  const isOpen = !hasTokens && publisherJwtKey === undefined && publishKey === null;
  if (publishKey === '') faults.add('publishKey is empty');
  const { topicsPerConnection, updatesPerRequest, publishesPerSecond } = { ...HUB_LIMITS, ...options.limits };
  const limits = { topicsPerConnection, updatesPerRequest, publishesPerSecond };
  for (const [name, value] of Object.entries(limits)) faults.checkNumber(`limits.${name}`, value);
  faults.checkNumber('pollMs', options.pollMs);
  const warning = isOpen ? 'no key is set: whoever reaches this address may publish and subscribe to everything' : null;
  if (isOpen && !isLoopback(host)) {
    faults.add(`host ${quote(host)} is reached from elsewhere, and no key is set: set jwtKey, jwksUrl or publishKey`);
  }
  faults.checkNumber('port', options.port, 65_535);
  if (options.http2 && options.tls === undefined) faults.add('http2 needs tls: browsers do not speak it without');
  const router = routerOptions(options);
  const anonymous = options.anonymous ?? !hasTokens;
  const { publishOrigins, cookieName, clock } = options;
  if (cookieName !== undefined && !COOKIE_NAME.test(cookieName))
    faults.add(`cookieName ${quote(cookieName)} is not one that a cookie can have`);
  const given = { jwtKey, publisherJwtKey, jwksUrl, anonymous, cookieName, publishOrigins, keyless: isOpen, clock };
  const authorizer = faults.attempt(() => new Authorizer(given));
  faults.attempt(() => resolveOptions(router));
  faults.throwIfAny();
  return { authorizer: authorizer as Authorizer, publishKey, limits, router, warning };
}

/** Those that the hub hands on to its router. */
function routerOptions({ streams, limits = {}, cors, ...options }: HubOptions): RouterOptions {
  const { container, broker, maxBodyBytes, trustProxy, logger, clock } = options;
  const { topicsPerConnection: _, updatesPerRequest: __, publishesPerSecond: ___, ...ofRouter } = limits;
  return withoutUndefined({
    ...streams,
    container,
    broker,
    maxBodyBytes,
    trustProxy,
    logger,
    clock,
    limits: ofRouter,
    cors:
      cors === undefined ? undefined : { origins: cors, credentials: cors !== '*', exposeHeaders: RESPONSE_HEADERS },
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
