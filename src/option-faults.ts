import { ConfigurationError, quote } from './errors.js';

/** What {@link OptionFaults.throwIfAny} puts around the faults. */
const FRAME = /^Invalid options: (.*)\. Correct or remove them\.$/s;

/** What is wrong with options, collected so that all of it can be said at once. */
export class OptionFaults {
  readonly #faults: string[] = [];

  add(fault: string): void {
    this.#faults.push(fault.replace(/\.$/, ''));
  }

  /** Notes what a part of the options was refused for. @throws whatever else is thrown. */
  addThrown(thrown: unknown): void {
    if (!(thrown instanceof ConfigurationError)) throw thrown;
    this.add(thrown.message.replace(FRAME, '$1'));
  }

  /** Makes something of some of the options; null, and noted, when it is refused. */
  attempt<Result>(make: () => Result): Result | null {
    try {
      return make();
    } catch (thrown) {
      this.addThrown(thrown);
      return null;
    }
  }

  /** Notes a value that is given and is not a number from 0 to `max`. */
  checkNumber(name: string, value: unknown, max = Infinity): void {
    if (value === undefined || (typeof value === 'number' && value >= 0 && value <= max)) return;
    this.add(`${name} ${quote(value)} is not a number, ${max === Infinity ? '0 or more' : `0 to ${max}`}`);
  }

  /** @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every fault, if there is one. */
  throwIfAny(): void {
    if (this.#faults.length === 0) return;
    throw new ConfigurationError(
      'INVALID_OPTIONS',
      `Invalid options: ${this.#faults.join('; ')}. Correct or remove them.`,
    );
  }
}
