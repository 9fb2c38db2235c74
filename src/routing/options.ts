/** What may be set for a router, and again for one mount. */

import type { ConnectionOptions, SlowConsumerPolicy } from '../connection/connection.js';
import { defaultConnectionOptions } from '../connection/connection.js';
import { ConfigurationError, quote, TradewindError } from '../errors.js';
import { Cors, type CorsOptions, type CorsOrigins } from '../handler/cors.js';

/** What a mount may set otherwise than its router. A handler's `initialize` gets these, and whatever else is beside them. */
export interface MountOptions extends Partial<ConnectionOptions> {
  /** Which other origins may connect and read. @defaultValue none: a request from another origin is answered 403 */
  cors?: CorsOrigins | CorsOptions | undefined;
  /** The largest request body that is read, in bytes. @defaultValue 1048576 (1 MiB) */
  maxBodyBytes?: number;
}

/** Where to stop. `0` in any of them: no limit. */
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

/** The options of one mount, with every default filled in. */
export interface ResolvedOptions {
  readonly connection: ConnectionOptions;
  readonly cors: Cors | null;
  readonly maxBodyBytes: number;
  readonly limits: Required<Limits>;
}

const NUMBERS = ['heartbeatMs', 'highWaterMarkBytes', 'maxBufferedBytes', 'stallMs', 'maxBodyBytes'] as const;
const POLICIES: readonly SlowConsumerPolicy[] = ['disconnect', 'drop-oldest', 'latest'];

/**
 * Fills in the defaults.
 *
 * @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong.
 */
export function resolveOptions(options: MountOptions & { limits?: Limits | undefined }): ResolvedOptions {
  const given = withoutUndefined(options);
  const faults: string[] = [];
  for (const name of NUMBERS) checkNumber(name, given[name], faults);
  const limits = { ...defaultLimits, ...withoutUndefined(given.limits ?? {}) };
  for (const [name, value] of Object.entries(limits)) checkNumber(`limits.${name}`, value, faults);
  if (given.slowConsumer !== undefined && !POLICIES.includes(given.slowConsumer)) {
    faults.push(`slowConsumer ${quote(given.slowConsumer)} is not one of ${POLICIES.join(', ')}`);
  }
  let cors: Cors | null = null;
  try {
    cors = given.cors === undefined ? null : new Cors(given.cors);
  } catch (thrown) {
    faults.push(thrown instanceof TradewindError ? thrown.message : String(thrown));
  }
  if (faults.length > 0) {
    throw new ConfigurationError('INVALID_OPTIONS', `Invalid options: ${faults.join('; ')}. Correct or remove them.`);
  }
  const { heartbeatMs, highWaterMarkBytes, maxBufferedBytes, stallMs, slowConsumer } = {
    ...defaultConnectionOptions,
    ...given,
  };
  return {
    connection: { heartbeatMs, highWaterMarkBytes, maxBufferedBytes, stallMs, slowConsumer },
    cors,
    maxBodyBytes: given.maxBodyBytes ?? 1024 * 1024,
    limits,
  };
}

/** An option that is given as `undefined` is not given. */
function withoutUndefined<Options extends object>(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
}

function checkNumber(name: string, value: unknown, faults: string[]): void {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return;
  faults.push(`${name} ${quote(value)} is not a number, 0 or more`);
}
