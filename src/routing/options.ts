/** What may be set for a router, and again for one mount. */

import proxyAddr from 'proxy-addr';
import { LONGEST_TIMER_MS } from '../clock.js';
import {
  type ConnectionOptions,
  defaultConnectionOptions,
  type SlowConsumerPolicy,
} from '../connection/connection-options.js';
import { ConfigurationError, quote, toError } from '../errors.js';
import { Cors, type CorsOptions, type CorsOrigins } from '../handler/cors.js';
import type { Logger } from '../logger.js';
import { OptionFaults } from '../option-faults.js';

/** What a mount may set otherwise than its router. A handler's `initialize` gets these, and whatever else is beside them. */
export interface MountOptions extends Partial<ConnectionOptions> {
  /** Which other origins may connect and read. @defaultValue none: a request from another origin is answered 403 */
  cors?: CorsOrigins | CorsOptions | undefined;
  /** The largest request body that is read, in bytes. @defaultValue 1048576 (1 MiB) */
  maxBodyBytes?: number;
  /**
   * `'shared'`: streams of clients that accept gzip are compressed, each frame once for all who are sent the same. Only for
   * what anyone may read: where secrets and text of somebody else's choice are in one stream, its length gives the secrets away.
   * @defaultValue `'none'`
   * @see https://www.rfc-editor.org/rfc/rfc7457#section-2.6
   */
  compression?: Compression;
  /**
   * Whether a stream over HTTP/1.1 lets go of Node's request and response once it is open, which are more than half of what a quiet one takes in
   * memory. Then `request`, `headers` and `cookies` are there until the first `await` in `open`, and no longer; the TCP connection ends with the stream.
   * @defaultValue false
   */
  lean?: boolean;
}

export type Compression = 'none' | 'shared';

/** Where to stop. `0` in any of them: no limit; for `headersMs` Node's own, five minutes for a whole request. */
export interface Limits {
  /** Open streams in all. @defaultValue 0 */
  connections?: number;
  /** Open streams for each client address. Behind a proxy set `trustProxy` as well. @defaultValue 0 */
  connectionsPerAddress?: number;
  /** Bytes of a request's headers, its first line included; more are answered 431. @defaultValue 16384 */
  headerBytes?: number;
  /** How long a client may take to send its headers, in milliseconds, before it is cut off. @defaultValue 10000 */
  headersMs?: number;
  /** How long `initialize` to `checkConnection` may take, in milliseconds, before 503 is answered. @defaultValue 30000 */
  firstByteMs?: number;
}

const defaultLimits: Required<Limits> = {
  connections: 0,
  connectionsPerAddress: 0,
  headerBytes: 16 * 1024,
  headersMs: 10_000,
  firstByteMs: 30_000,
};

/** Which proxies to believe: see `RouterOptions.trustProxy`. */
export type TrustProxy = string | readonly string[] | number;

/** Whether to believe the proxy at this address, so many hops away. */
export type Trust = (address: string, hop: number) => boolean;

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly connection: ConnectionOptions;
  readonly cors: Cors | null;
  readonly maxBodyBytes: number;
  readonly compression: Compression;
  readonly lean: boolean;
  readonly limits: Required<Limits>;
  readonly trust: Trust | null;
}

const NUMBERS = ['heartbeatMs', 'highWaterMarkBytes', 'maxBufferedBytes', 'stallMs', 'maxBodyBytes'] as const;
const CHOICES = {
  slowConsumer: ['disconnect', 'drop-oldest', 'latest'] satisfies SlowConsumerPolicy[],
  compression: ['none', 'shared'] satisfies Compression[],
  lean: [true, false],
};
/** As far as Node can: it keeps sizes and times in 32 bits, and gives a request five minutes in all. */
const MAX: Partial<Record<keyof Limits, number>> = {
  headerBytes: 2 ** 31 - 1,
  headersMs: 300_000,
  firstByteMs: LONGEST_TIMER_MS,
};

/**
 * Fills in the defaults.
 *
 * @param checkMore - notes what is wrong with the options that are not the router's own.
 * @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong.
 */
export function resolveOptions(
  options: MountOptions & {
    limits?: Limits | undefined;
    trustProxy?: TrustProxy | undefined;
    logger?: Logger | undefined;
  },
  checkMore: (faults: OptionFaults) => void = () => {},
): ResolvedOptions {
  const given = withoutUndefined(options);
  const faults = new OptionFaults();
  for (const name of NUMBERS) faults.checkNumber(name, given[name]);
  const limits = { ...defaultLimits, ...withoutUndefined(given.limits ?? {}) };
  for (const [name, value] of Object.entries(limits)) {
    faults.checkNumber(`limits.${name}`, value, MAX[name as keyof Limits]);
  }
  for (const [name, choices] of Object.entries(CHOICES)) {
    const choice = given[name as keyof typeof CHOICES];
    if (choice !== undefined && !choices.includes(choice as never)) {
      faults.add(`${name} ${quote(choice)} is not one of ${choices.join(', ')}`);
    }
  }
  const { logger } = given;
  if (logger !== undefined && (typeof logger?.error !== 'function' || typeof logger.warn !== 'function')) {
    faults.add('logger lacks error() or warn()');
  }
  const cors = attempt(faults, () => (given.cors === undefined ? null : new Cors(given.cors)));
  const trust = attempt(faults, () => (given.trustProxy === undefined ? null : compileTrust(given.trustProxy)));
  checkMore(faults);
  faults.throwIfAny();
  const { heartbeatMs, highWaterMarkBytes, maxBufferedBytes, stallMs, slowConsumer } = {
    ...defaultConnectionOptions,
    ...given,
  };
  return {
    connection: { heartbeatMs, highWaterMarkBytes, maxBufferedBytes, stallMs, slowConsumer },
    cors,
    maxBodyBytes: given.maxBodyBytes ?? 1024 * 1024,
    compression: given.compression ?? 'none',
    lean: given.lean ?? false,
    limits,
    trust,
  };
}

/** An option that is given as `undefined` is not given. */
export function withoutUndefined<Options extends object>(options: Options): Given<Options> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Given<Options>;
}

/** What may be given as `undefined` may be missing instead. */
type Given<Options> = { [Name in keyof Options as undefined extends Options[Name] ? never : Name]: Options[Name] } & {
  [Name in keyof Options as undefined extends Options[Name] ? Name : never]?: Exclude<Options[Name], undefined>;
};

function compileTrust(trusted: TrustProxy): Trust {
  if (typeof trusted === 'number' && Number.isInteger(trusted) && trusted >= 0) return (_address, hop) => hop < trusted;
  try {
    return proxyAddr.compile(trusted as string | string[]);
  } catch {
    throw new ConfigurationError('INVALID_OPTIONS', `trustProxy ${quote(trusted)} is neither addresses nor hops`);
  }
}

function attempt<Result>(faults: OptionFaults, make: () => Result | null): Result | null {
  try {
    return make();
  } catch (thrown) {
    faults.add(toError(thrown).message);
    return null;
  }
}
