/**
 * Goal: a service that all connections share comes to each handler through its constructor, out of an inversify container.
 *
 * Run:  node --import ./scripts/typescript.mjs samples/04-dependency-injection/server.ts   (from the root, after `npm run build`)
 * Try:  curl -N http://127.0.0.1:8888/audience     in one terminal, then in a second and a third
 * See:  event: audience
 *       data: 1
 *
 *       … and 2, then 3, in all of them at once; 2 again when one leaves.
 */
import { Container, inject, injectable } from 'inversify';
import { EventSourceHandler, Router } from 'tradewind';

/** Knows who listens. One for the process; it knows nothing of HTTP, and a spec can put another in its place. */
@injectable()
class Audience {
  readonly #listeners = new Set<(size: number) => void>();

  join(listener: (size: number) => void): void {
    this.#listeners.add(listener);
    this.#tell();
  }

  leave(listener: (size: number) => void): void {
    this.#listeners.delete(listener);
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.#listeners.size);
  }
}

@injectable()
class AudienceHandler extends EventSourceHandler<{ audience: number }> {
  readonly #listener = (size: number) => void this.writeMessage('audience', size);

  constructor(@inject(Audience) private readonly audience: Audience) {
    super();
  }

  override open() {
    this.audience.join(this.#listener);
  }

  override close() {
    this.audience.leave(this.#listener);
  }
}

const container = new Container();
// The service is shared. The handler is not: mount binds it transient, one for each connection.
container.bind(Audience).toSelf().inSingletonScope();

const router = new Router({ container });
router.mount('/audience', AudienceHandler);
const server = await router.listen({ port: Number(process.env.PORT ?? 8888) });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
console.log(`Listening on ${server.url}, try: curl -N ${server.url}/audience`);
