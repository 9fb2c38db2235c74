import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import sirv from 'sirv';
import { exchangeOf, notConnected, RequestHandler } from '../../handler/request-handler.js';
import type { ConsoleGuard } from './console-guard.js';

/** The page's own scripts, styles and connections, and nobody's else; and no page may put it into a frame. */
const POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";
const HEADERS = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
};

type Files = ReturnType<typeof sirv>;

export interface PageHandlerOptions {
  readonly guard: ConsoleGuard;
  readonly files: Files;
}

/** The files of the page; to be made once for a process, since they are looked up when it is. */
export function pageFiles(): Files {
  return sirv(fileURLToPath(new URL('page', import.meta.url)), { etag: true });
}

/** The files of the library that draws the plots. */
export function plotFiles(): Files {
  return sirv(dirname(createRequire(import.meta.url).resolve('uplot')), { etag: true });
}

/** Answers with the file of that name. Files are no secret: no key is asked for. */
export class PageHandler extends RequestHandler {
  #guard!: ConsoleGuard;
  #files!: Files;

  override initialize({ guard, files }: PageHandlerOptions): void {
    this.#guard = guard;
    this.#files = files;
  }

  override get({ '*': name }: { '*': string }): void {
    this.#guard.checkHost(this);
    for (const [header, value] of Object.entries(HEADERS)) this.setHeader(header, value);
    const response = (this[exchangeOf] ?? notConnected(this)).context.response as ServerResponse;
    // A file that cannot be read now, as when no more may be open, must not take the process with it.
    response.once('pipe', (file: Readable) => file.once('error', () => response.destroy()));
    // Without what asks for a part: they are small, and a part that is none would throw.
    const request = { url: `/${name}`, headers: { ...this.headers, range: undefined } } as unknown as IncomingMessage;
    this.#files(request, response, () => this.error(404, 'no such file'));
  }
}

/** Sends `/console` to `/console/`, from where the page's files are found. */
export class RedirectHandler extends RequestHandler {
  override get(): void {
    // Relative, for a hub that a proxy shows below a path of its own.
    this.redirect('console/');
  }
}
