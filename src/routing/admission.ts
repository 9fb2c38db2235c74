/** Who gets in. */

import type { HttpResponse } from '../connection/http.js';
import type { Limits } from './options.js';

/** Counts streams, in all and for each address, against the limits. */
export class Admission {
  readonly #limits: Required<Limits>;
  readonly #byAddress = new Map<string, number>();
  #count = 0;

  constructor(limits: Required<Limits>) {
    this.#limits = limits;
  }

  /** Whether one more would be within the limits. */
  hasRoomFor(address: string): boolean {
    const { connections, connectionsPerAddress } = this.#limits;
    if (connections > 0 && this.#count >= connections) return false;
    // Behind a Unix socket nobody has an address, unless a proxy is trusted to say it: that is not one client.
    if (connectionsPerAddress === 0 || address === '') return true;
    return (this.#byAddress.get(address) ?? 0) < connectionsPerAddress;
  }

  /** Counts a stream, from before it is open until its response closes. */
  admit(address: string, response: HttpResponse): void {
    this.#count++;
    if (this.#limits.connectionsPerAddress > 0 && address !== '') {
      this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
    }
    response.on('close', () => this.#leave(address));
  }

  #leave(address: string): void {
    this.#count--;
    const count = (this.#byAddress.get(address) ?? 0) - 1;
    if (count > 0) this.#byAddress.set(address, count);
    else this.#byAddress.delete(address);
  }
}
