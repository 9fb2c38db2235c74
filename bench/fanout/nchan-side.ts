import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ForeignServer, freePort, versionOf } from '../support/foreign-server.js';
import { Payloads, textOf } from './payloads.js';
import { connectionHeader, type Side, type SideServer, type Workload } from './side.js';

const NGINX = '/usr/sbin/nginx';
const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so';
/** Files beside the streams. */
const OTHER_FILES = 1_000;

/** Nchan, of Debian's package libnginx-mod-nchan: one worker, published to by a POST for each event, all in one piece. */
export class NchanSide implements Side {
  readonly name = `Nchan${version()}`;
  readonly #workload: Workload;

  private constructor(workload: Workload) {
    this.#workload = workload;
  }

  /** Null where it is not installed. */
  static find(workload: Workload): NchanSide | null {
    if (!existsSync(NGINX)) return null;
    const isBuiltIn = spawnSync(NGINX, ['-V'], { encoding: 'utf8' }).stderr.includes('nchan');
    return isBuiltIn || existsSync(MODULE) ? new NchanSide(workload) : null;
  }

  async start(wrap: readonly string[]): Promise<SideServer> {
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-nchan-'));
    const port = await freePort();
    const askFile = join(folder, 'ask');
    writeFileSync(join(folder, 'nginx.conf'), this.#configuration(folder, port));
    writeFileSync(askFile, this.#posts(port));
    const command = [...wrap, NGINX, '-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')];
    const server = await ForeignServer.start(command, [port]);
    const stop = async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    };
    return { port, controlPort: port, askFile, cpu: async () => server.cpu(), stop };
  }

  #configuration(folder: string, port: number): string {
    const files = this.#workload.subscribers + OTHER_FILES;
    return `
      ${existsSync(MODULE) ? `load_module ${MODULE};` : ''}
      ${process.getuid?.() === 0 ? 'user root;' : ''}
      daemon off; worker_processes 1; pid ${folder}/pid; worker_rlimit_nofile ${files};
      events { worker_connections ${files}; }
      http {
        access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
        fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
        keepalive_requests 1000000000; keepalive_timeout 1h; client_body_buffer_size 64k;
        server {
          listen 127.0.0.1:${port} backlog=511; tcp_nodelay on;
          location = / { nchan_subscriber eventsource; nchan_channel_id ticks; nchan_subscriber_first_message newest; }
          location = /publish { nchan_publisher; nchan_channel_id ticks; nchan_message_buffer_length 1000; }
        }
      }`;
  }

  /** The same events each time: what is asked by stands in a file. */
  #posts(port: number): string {
    const { bytes, perTurn, data: kind } = this.#workload;
    const payloads = new Payloads(kind, bytes);
    return Array.from({ length: perTurn }, () => {
      const data = textOf(payloads.next());
      const head = `POST /publish HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-EventSource-Event: tick\r\n`;
      return `${head}${connectionHeader(this.#workload)}Content-Length: ${Buffer.byteLength(data)}\r\n\r\n${data}`;
    }).join('');
  }
}

/** As the package says; the module does not tell. */
function version(): string {
  return versionOf(spawnSync('dpkg-query', ['-W', 'libnginx-mod-nchan'], { encoding: 'utf8' }).stdout ?? '');
}
