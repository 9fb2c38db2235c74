/**
 * Goal: refuse a client before the stream opens, and tell one that has everything not to come back.
 *
 * Run:  node --import ./scripts/typescript.mjs samples/02-refusing/server.ts   (from the root, after `npm run build`)
 * Try:  curl -iN http://127.0.0.1:8888/members                                          401, WWW-Authenticate: Bearer
 *       curl -iN -H 'Authorization: Bearer guess' http://127.0.0.1:8888/members         403 not a member
 *       curl -iN -H 'Authorization: Bearer let-me-in' http://127.0.0.1:8888/members     200, event: welcome
 *       curl -iN http://127.0.0.1:8888/staff                                            403 Forbidden
 *       curl -iN -b staff=yes http://127.0.0.1:8888/staff                               200, event: welcome
 *       curl -iN http://127.0.0.1:8888/countdown                                        200, events 3, 2, 1, and the end
 *       curl -iN -H 'Last-Event-ID: 1' http://127.0.0.1:8888/countdown                  204: an EventSource stops for good
 */
import { EventSourceHandler, Router } from 'tradewind';

class MembersHandler extends EventSourceHandler<{ welcome: string }> {
  override checkConnection() {
    const { authorization } = this.headers;
    if (authorization === undefined) {
      this.error(401, 'who are you?', { headers: { 'WWW-Authenticate': 'Bearer realm="members"' } });
    }
    // The client gets the reason; `log` is for the log alone.
    if (authorization !== 'Bearer let-me-in')
      this.error(403, 'not a member', { log: `token from ${this.remoteAddress}` });
  }

  override open() {
    this.writeMessage('welcome', 'a member');
  }
}

class StaffHandler extends EventSourceHandler<{ welcome: string }> {
  // The short way: false answers 403. It may be async, and ask a database.
  override checkConnection() {
    return this.cookies['staff'] === 'yes';
  }

  override open() {
    this.writeMessage('welcome', 'a colleague');
  }
}

class CountdownHandler extends EventSourceHandler<{ count: number }> {
  // An EventSource comes back whenever a stream ends. It says where it was: one that has seen it all is stopped with 204.
  override checkConnection() {
    if (this.lastEventId === '1') this.error(204);
  }

  override open() {
    for (const count of [3, 2, 1]) this.writeMessage('count', count, { id: `${count}`, retry: 1_000 });
    this.end();
  }
}

const router = new Router();
router.mount('/members', MembersHandler).mount('/staff', StaffHandler).mount('/countdown', CountdownHandler);
const server = await router.listen({ port: Number(process.env.PORT ?? 8888) });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
console.log(`Listening on ${server.url}, try: curl -iN ${server.url}/members`);
