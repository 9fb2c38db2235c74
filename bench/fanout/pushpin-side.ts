import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ForeignServer, freePort, versionOf } from '../support/foreign-server.js';
import { Payloads, textOf } from './payloads.js';
import type { Side, SideServer, Workload } from './side.js';

const PUSHPIN = '/usr/bin/pushpin';
const DEFAULTS = '/usr/lib/pushpin/internal.conf';
/** As it is set by Debian. Condure has two threads with half of it each, to which connections come unevenly: what one has no room for is closed. */
const MAX_CONNECTIONS = 50_000;

/**
 * Pushpin, of Debian's package: condure, zurl, pushpin-proxy and pushpin-handler, in front of an origin that has it hold each stream. It is
 * published to by a POST for each turn to the handler, which closes the connection after each.
 */
export class PushpinSide implements Side {
  readonly name = `Pushpin${versionOf(spawnSync(PUSHPIN, ['--version'], { encoding: 'utf8' }).stdout ?? '')}`;
  readonly #workload: Workload;

  private constructor(workload: Workload) {
    this.#workload = workload;
  }

  /** Null where it is not installed. */
  static find(workload: Workload): PushpinSide | null {
    return existsSync(PUSHPIN) && existsSync(DEFAULTS) ? new PushpinSide(workload) : null;
  }

  async start(wrap: readonly string[]): Promise<SideServer> {
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-pushpin-'));
    const [port, controlPort] = [await freePort(), await freePort()];
    const origin = await startOrigin();
    const askFile = join(folder, 'ask');
    writeFileSync(join(folder, 'pushpin.conf'), this.#configuration(folder, port, controlPort));
    // Trusted: zurl does not go to this machine of itself.
    writeFileSync(join(folder, 'routes'), `*,trusted 127.0.0.1:${(origin.address() as AddressInfo).port}\n`);
    writeFileSync(askFile, this.#post(controlPort));
    const command = [...wrap, PUSHPIN, `--config=${join(folder, 'pushpin.conf')}`];
    const server = await ForeignServer.start(command, [port, controlPort]);
    await untilStreaming(port);
    const stop = async () => {
      await server.stop();
      origin.close();
      rmSync(folder, { recursive: true, force: true });
    };
    return { port, controlPort, askFile, cpu: async () => server.cpu(), stop };
  }

  /** Its limits of messages a second are out of the way. */
  #configuration(folder: string, port: number, controlPort: number): string {
    return `
[global]
include=${DEFAULTS}
rundir=${folder}
ipc_prefix=bench-
[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port=127.0.0.1:${port}
logdir=${folder}
log_level=1
client_buffer_size=8192
client_maxconn=${MAX_CONNECTIONS}
[proxy]
routesfile=routes
zurl_out_specs=ipc://{rundir}/{ipc_prefix}zurl-in
zurl_out_stream_specs=ipc://{rundir}/{ipc_prefix}zurl-in-stream
zurl_in_specs=ipc://{rundir}/{ipc_prefix}zurl-out
updates_check=off
[handler]
push_in_http_addr=127.0.0.1
push_in_http_port=${controlPort}
command_spec=ipc://{rundir}/{ipc_prefix}command
message_rate=1000000000
message_hwm=1000000000
`;
  }

  /** The same events each time. */
  #post(controlPort: number): string {
    const { bytes, perTurn, data: kind } = this.#workload;
    const payloads = new Payloads(kind, bytes);
    const items = Array.from({ length: perTurn }, () => {
      const content = `event: tick\ndata: ${textOf(payloads.next())}\n\n`;
      return { channel: 'ticks', formats: { 'http-stream': { content } } };
    });
    const body = JSON.stringify({ items });
    const head = `POST /publish/ HTTP/1.1\r\nHost: 127.0.0.1:${controlPort}\r\nConnection: close\r\nContent-Type: application/json\r\n`;
    return `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  }
}

/** What Pushpin asks what to do with a request. In this process: it is asked once for each stream, and not measured. */
async function startOrigin(): Promise<Server> {
  const origin = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Grip-Hold': 'stream', 'Grip-Channel': 'ticks' });
    response.end(':\n\n');
  }).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  return origin;
}

/** It listens before its parts have found each other, and drops what comes meanwhile. */
async function untilStreaming(port: number): Promise<void> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => null);
    const reader = response?.body?.getReader();
    const first = await reader?.read().catch(() => null);
    await reader?.cancel().catch(() => {});
    if (response?.ok && first?.done === false) return;
    await sleep(50);
  }
}
