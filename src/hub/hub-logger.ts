/** The hub's log: a line of JSON for each report and each request. */

import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { type Logger, type RequestLine, type RequestLogger, stderrLogger } from '../logger.js';
import { redactedDetails, redactedText } from './redaction.js';
import { standardOutput } from './standard-output.js';

export interface HubLoggerOptions {
  /** What is logged: this, and what is graver. Requests are `info`. @defaultValue `'info'` */
  level?: 'silent' | 'error' | 'warn' | 'info';
  /**
   * Where lines are written; an `error` that it emits is told to `fallback`. Not a `pino.destination({ sync: false })`: its flush at
   * the end of the process never ends when the disk is full.
   * @defaultValue standard output, where each line has been written when the call returns. While nobody reads it, 1 MiB waits, for 2 s at
   *   the end of the process; lines beyond that are left out, which `fallback` is told.
   */
  destination?: DestinationStream;
  /** Is told, once, when nothing can be written there. @defaultValue standard error */
  fallback?: Logger;
}

const MAX_PATH_LENGTH = 512;
const MAX_WORD_LENGTH = 64;

/**
 * Logs for a hub, with pino:
 *
 * `{"level":"info","time":"2026-01-31T12:00:00.000Z","pid":7,"method":"GET","path":"/events","status":200,"ms":3,"address":"127.0.0.1","msg":"request"}`
 *
 * No line holds a token, a cookie, an `Authorization` header, a query or a body: what has such a name or such looks is
 * replaced by `[redacted]`, in errors as well. A call never throws, and is never waited for.
 */
export class HubLogger implements Logger, RequestLogger {
  readonly #pino: PinoLogger;
  readonly #fallback: Logger;
  #isFailureTold = false;

  constructor({ level = 'info', destination = standardOutput(), fallback = stderrLogger }: HubLoggerOptions = {}) {
    this.#fallback = fallback;
    // An error that nobody listens to would end the process.
    if ('on' in destination) (destination as NodeJS.WritableStream).on('error', (error) => this.#fail(error));
    const options = {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      // Pino's own would take it for an error again, and lose the cause.
      serializers: { err: (err: unknown) => err },
      formatters: { level: (label: string) => ({ level: label }) },
    };
    this.#pino = pino(options, destination);
  }

  get wantsRequests(): boolean {
    return this.#pino.isLevelEnabled('info');
  }

  error(details: object, message: string): void {
    this.#log('error', details, message);
  }

  warn(details: object, message: string): void {
    this.#log('warn', details, message);
  }

  info(details: object, message: string): void {
    this.#log('info', details, message);
  }

  /** Logs a request. Of its path, what is behind a `?` or a `#` is left out. */
  request({ method, path, status, ms, remoteAddress }: RequestLine): void {
    const [withoutQuery = ''] = path.split(/[?#]/, 1);
    const line = {
      method: method.slice(0, MAX_WORD_LENGTH),
      path: withoutQuery.slice(0, MAX_PATH_LENGTH),
      status,
      ms,
      address: remoteAddress.slice(0, MAX_WORD_LENGTH),
    };
    this.#log('info', line, 'request');
  }

  #log(level: 'error' | 'warn' | 'info', details: object, message: string): void {
    if (!this.#pino.isLevelEnabled(level)) return;
    try {
      this.#pino[level](redactedDetails(details), redactedText(message));
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** Nowhere to write: that is said once, and not for each line. */
  #fail(thrown: unknown): void {
    if (this.#isFailureTold) return;
    this.#isFailureTold = true;
    try {
      this.#fallback.error(redactedDetails({ err: thrown }), 'the log cannot be written');
    } catch {
      // There is nobody left to tell.
    }
  }
}
