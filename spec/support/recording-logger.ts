import type { Logger } from '../../src/index.js';

/** Keeps what was logged, for a spec to look at. */
export class RecordingLogger implements Logger {
  readonly entries: { level: 'error' | 'warn'; message: string; err?: Error | undefined; [fact: string]: unknown }[] =
    [];

  error(details: object, message: string): void {
    this.entries.push({ level: 'error', message, ...details });
  }

  warn(details: object, message: string): void {
    this.entries.push({ level: 'warn', message, ...details });
  }

  /** What was logged since the last call. A spec that expects a report takes it; what is left at its end fails it. */
  take(): this['entries'] {
    return this.entries.splice(0);
  }
}
