/** What a stream has brought that is neither an event nor a comment, for a person who wonders why nothing comes of it. */

/** So much of it is looked at. */
const SAMPLE_BYTES = 200;
/** Whole lines that bring no event by themselves, and are as they should be. */
const SILENT_LINES = /^\ufeff?(?:(?:(?:retry|id)(?::[^\r\n]*)?|:[^\r\n]*)?(?:\r\n|\r|\n))*$/;
/** Up to the last empty line, and what follows it. */
const LAST_EMPTY_LINE = /^.*(?:\r\n|\r(?!\n)|\n)(?:\r\n|\r|\n)(.*)$/s;

interface Bytes {
  readonly length: number;
  /** The first of them, as Latin-1. */
  readonly sample: string;
}

const NONE: Bytes = { length: 0, sample: '' };

/** Bytes since the last event or comment. */
export class UnreadBytes {
  #all = NONE;
  /** Those since the last empty line, which an event that comes now has not had. */
  #rest = NONE;

  add(bytes: Uint8Array): void {
    const text = Buffer.from(bytes).toString('latin1');
    const [, rest] = LAST_EMPTY_LINE.exec(text) ?? [];
    this.#all = joined(this.#all, text);
    this.#rest = rest === undefined ? joined(this.#rest, text) : joined(NONE, rest);
  }

  /** A stream begins. */
  reset(): void {
    this.#all = this.#rest = NONE;
  }

  /** An event or a comment has come. */
  clear(): void {
    this.#all = this.#rest;
  }

  /** What is wrong with them, in sentences; null: nothing is. */
  describe(): string | null {
    const { length, sample } = this.#all;
    const text = Buffer.from(sample, 'latin1').toString();
    if (SILENT_LINES.test(text)) return null;
    const begun = JSON.stringify(text.slice(0, 60));
    return `${length} bytes came that are neither an event nor a comment: ${begun}. ${reasonOf(sample)}`;
  }
}

function joined({ length, sample }: Bytes, text: string): Bytes {
  return { length: length + text.length, sample: (sample + text.slice(0, SAMPLE_BYTES)).slice(0, SAMPLE_BYTES) };
}

function reasonOf(sample: string): string {
  if (sample.startsWith('\x1f\x8b')) return 'They are gzip, and no Content-Encoding says so.';
  if (/^\s*</.test(sample)) return 'They look like a page, and not like a stream.';
  if (/^(data|event)(:|[\r\n]|$)/m.test(sample)) return 'An event is over at an empty line, which is missing.';
  return 'A line of an event begins with "data:", "event:" or "id:".';
}
