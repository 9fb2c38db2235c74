/** What the operating system holds of what was written to a socket, which Node does not tell. */

import { readFile } from 'node:fs/promises';
import { isIPv4, type Socket } from 'node:net';
import { endianness } from 'node:os';

/** The kernel's tables of TCP sockets; IPv4 clients of a socket that listens on `::` are in the second. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
/** `local address:port remote address:port state send queue:`, each in hexadecimal; of a queue that is not empty. */
const ROW = /:([0-9A-F]{4}) ([0-9A-F]+:[0-9A-F]{4}) [0-9A-F]{2} (?!00000000)([0-9A-F]{8}):/g;

/** Bytes that the kernel has taken for a socket and that its peer has not acknowledged; `null`: none, or not known. */
export type KernelQueues = (socket: Socket) => number | null;

/**
 * Reads how much the kernel holds for each TCP socket of this network namespace, on Linux. Elsewhere nothing is known.
 *
 * It takes about a tenth of a second for ten thousand sockets, most of it in the kernel: ask now and then.
 *
 * @see https://docs.kernel.org/networking/proc_net_tcp.html
 */
export async function readKernelQueues(): Promise<KernelQueues> {
  const queues = new Map<string, number>();
  for (const path of TABLES) {
    // There may be no such file, or no permission to read it: then we know as little as on another system.
    const table = await readFile(path, 'latin1').catch(() => '');
    for (const [, localPort, remote, bytes] of table.matchAll(ROW)) {
      queues.set(`${localPort} ${remote}`, Number.parseInt(bytes ?? '', 16));
    }
  }
  return ({ localPort, remoteAddress, remotePort }) => {
    if (localPort === undefined || remoteAddress === undefined || remotePort === undefined) return null;
    return queues.get(`${hexPort(localPort)} ${hexAddress(remoteAddress)}:${hexPort(remotePort)}`) ?? null;
  };
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}

/** An address as the table has it: words of 32 bits, each in the byte order of this machine. */
export function hexAddress(address: string): string {
  const bytes = Buffer.from(isIPv4(address) ? address.split('.').map(Number) : bytesOfIPv6(address));
  if (endianness() === 'LE') bytes.swap32();
  return bytes.toString('hex').toUpperCase();
}

/** Sixteen bytes of an address such as `fe80::1%eth0` or `::ffff:127.0.0.1`. */
function bytesOfIPv6(address: string): number[] {
  const [withoutZone = ''] = address.split('%');
  const [head = [], tail] = withoutZone.split('::').map(bytesOfGroups);
  if (tail === undefined) return head;
  return [...head, ...new Array<number>(16 - head.length - tail.length).fill(0), ...tail];
}

function bytesOfGroups(groups: string): number[] {
  if (groups === '') return [];
  return groups.split(':').flatMap((group) => {
    if (isIPv4(group)) return group.split('.').map(Number);
    const word = Number.parseInt(group, 16);
    return [word >> 8, word & 0xff];
  });
}
