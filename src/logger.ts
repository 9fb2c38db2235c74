import { toError } from './errors.js';

const MAX_CAUSES = 5;

/**
 * Where the framework reports what a program should know: hooks that threw, handlers that could not be made, refusals that
 * carry a `log` or came too late, slow consumers that were cut off.
 *
 * The order of arguments is pino's, so pino, Fastify's logger and bunyan fit as they are, and so does `console`.
 * The framework adds no header, cookie, query or body to it; an error, and the `log` of `error()`, are passed on as they are.
 */
export interface Logger {
  error(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** A request, once its response is over. */
export interface RequestLine {
  readonly method: string;
  /** As it came, without the query. It comes from the network. */
  readonly path: string;
  /** Of the answer; 0 when the client left before there was one. */
  readonly status: number;
  /** How long it took, in milliseconds; for a stream, how long it was open. */
  readonly ms: number;
  /** The client's IP address, as `RequestHandler.remoteAddress`. */
  readonly remoteAddress: string;
}

/** What a {@link Logger} may be able to do beside: a router that is given one tells it of each request that it answered. */
export interface RequestLogger {
  /** Whether it wants to be told; asked at each request. To remember what to tell takes memory for each open stream. */
  readonly wantsRequests: boolean;
  request(line: RequestLine): void;
}

/** The logger as a request logger, if it is one. It cannot throw. */
export function requestLoggerOf(logger: Logger & Partial<RequestLogger>): RequestLogger | null {
  if (typeof logger.request !== 'function') return null;
  return {
    get wantsRequests() {
      return logger.wantsRequests === true;
    },
    request: (line) => attempt(() => logger.request?.(line)),
  };
}

/** Writes a line for each report, and the stack of its `err`, to standard error. */
export const stderrLogger: Logger = {
  error: (details, message) => writeLine('error', details, message),
  warn: (details, message) => writeLine('warn', details, message),
};

/** Keeps quiet. */
export const silentLogger: Logger = { error() {}, warn() {} };

/** Makes a logger that cannot throw: a faulty one must not take the process with it. */
export function guardedLogger(logger: Logger): Logger {
  return {
    error: (details, message) => attempt(() => logger.error(details, message)),
    warn: (details, message) => attempt(() => logger.warn(details, message)),
  };
}

function attempt(report: () => void): void {
  try {
    report();
  } catch (thrown) {
    writeLine('error', { err: toError(thrown) }, 'the logger threw');
  }
}

function writeLine(level: string, details: object, message: string): void {
  const { err, ...rest } = details as { err?: Error };
  const facts = Object.entries(rest).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  process.stderr.write(`tradewind ${level}: ${message}${facts.join('')}\n${err?.stack ? `${stackOf(err)}\n` : ''}`);
}

/** With the causes, of which there may be a ring. */
function stackOf(error: Error): string {
  let text = `${error.stack}`;
  let { cause } = error;
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth++) {
    text += `\nCaused by: ${cause.stack}`;
    cause = cause.cause;
  }
  return text;
}
