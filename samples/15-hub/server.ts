/**
 * Goal: a hub with tokens. Whoever has one that says so publishes by curl, and pages read; what is private is for one of them.
 *
 * Run:  node --import ./scripts/typescript.mjs samples/15-hub/server.ts   (from the root, after `npm run build`)
 * Try:  http://127.0.0.1:8888/orders in a browser, then
 *       TOKEN=$(node dist/cli/main.js token create --key '@samples/15-hub/key.txt' --publish 'orders/{id}' --expires 1h)
 *       HUB=http://127.0.0.1:8888/.well-known/mercure
 *       curl -H "Authorization: Bearer $TOKEN" -d topic=orders/1 -d data=placed $HUB
 *       curl -H "Authorization: Bearer $TOKEN" -d topic=orders/2 -d data='paid by Kim' -d private=on $HUB
 *       curl -N "$HUB?topic=orders/1&topic=orders/2"
 * See:  curl prints an id for each, and the page lists both. The last one, without a token, gets only what is public from then on.
 */
import { readFileSync } from 'node:fs';
import { RequestHandler } from 'tradewind';
import { Hub, TokenSigner } from 'tradewind/hub';

const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
const [page, key] = [read('index.html'), read('key.txt').trim()];
const signer = new TokenSigner(key);

class PageHandler extends RequestHandler {
  override async get() {
    // Here the visitor would have signed in. An EventSource sends no header of its own, but cookies.
    const expiresAt = Date.now() + 60 * 60 * 1_000;
    const token = await signer.sign({ publish: [], subscribe: ['orders/2'], expiresAt });
    // Over HTTPS: with Secure as well.
    this.setHeader('Set-Cookie', `mercureAuthorization=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=3600`);
    this.setHeader('Content-Type', 'text/html; charset=utf-8');
    this.write(page);
  }
}

const hub = new Hub({ port: Number(process.env.PORT ?? 8888), jwtKey: key, anonymous: true });
hub.router.mount('/orders', PageHandler);
const server = await hub.listen();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => hub.close());
console.log(`Listening on ${server.url}, open ${server.url}/orders`);
