import type { IncomingHttpHeaders } from 'node:http';

/** Names that mean this machine, whoever answers for names elsewhere. */
const LOOPBACK = /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]+)?$/i;

/** Whether a request asked for this machine by a name, or an address, that can be no other. */
export function isForThisMachine({ host, ':authority': authority }: IncomingHttpHeaders): boolean {
  return LOOPBACK.test(`${host ?? authority}`);
}
