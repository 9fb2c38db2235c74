import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { RequestHandler } from '../../handler/request-handler.js';

/** Beside this when it is built; the sources have it where the build puts it. */
const PLACES = ['../browser/tradewind.js', '../../../dist/hub/browser/tradewind.js'];

let read: { readonly script: Buffer; readonly tag: string } | undefined;

/** Answers `/tradewind.js`, the client for pages: to those of any site, since it is no secret and does nothing by itself. */
export class BrowserClientHandler extends RequestHandler {
  override get(): void {
    read ??= readScript();
    this.setHeader('Access-Control-Allow-Origin', '*');
    // A page whose script is of another version than its hub would be hard to find out about.
    this.setHeader('Cache-Control', 'no-cache');
    this.setHeader('ETag', read.tag);
    if (this.headers['if-none-match'] === read.tag) {
      this.setStatus(304);
      return;
    }
    this.setHeader('Content-Type', 'text/javascript; charset=utf-8');
    this.write(read.script);
  }
}

function readScript(): NonNullable<typeof read> {
  const place = PLACES.map((path) => new URL(path, import.meta.url)).find((url) => existsSync(url));
  if (place === undefined) throw new Error('The browser client is not built: npm run build.');
  const script = readFileSync(place);
  return { script, tag: `"${createHash('sha256').update(script).digest('base64url').slice(0, 16)}"` };
}
