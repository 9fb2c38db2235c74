import { toError } from './errors.js';

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
  process.stderr.write(`tradewind ${level}: ${message}${facts.join('')}\n${err?.stack ? `${err.stack}\n` : ''}`);
}
