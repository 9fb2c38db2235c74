/**
 * Goal: parameters from the path and from the query, checked before the stream opens; a loop that ends with its client.
 *
 * Run:  node --import ./scripts/typescript.mjs samples/03-parameters/server.ts   (from the root, after `npm run build`)
 * Try:  curl -N http://127.0.0.1:8888/clock                              the time in UTC, each second
 *       curl -N 'http://127.0.0.1:8888/clock/Asia%2FTokyo?every=0.5'     in Tokyo, twice a second
 *       curl -iN http://127.0.0.1:8888/clock/Atlantis                    400 no such time zone: Atlantis
 *       curl -iN 'http://127.0.0.1:8888/clock?every=never'               400 every: a number of seconds, 0.1 to 60
 * See:  event: time
 *       data: {"zone":"UTC","time":"11:30:00"}
 */
import { setInterval } from 'node:timers/promises';
import { EventSourceHandler, Router } from 'tradewind';

class ClockHandler extends EventSourceHandler<{ time: { zone: string; time: string } }> {
  #everyMs = 0;
  #format!: Intl.DateTimeFormat;

  // What comes from the network is checked here, while there is a status to answer with.
  override checkConnection() {
    const { zone = 'UTC' } = this.params;
    try {
      this.#format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeStyle: 'medium' });
    } catch {
      this.error(400, `no such time zone: ${zone}`);
    }
    const seconds = Number(this.query.get('every') ?? 1);
    // Not `seconds < 0.1 || seconds > 60`: that lets NaN pass.
    if (!(seconds >= 0.1 && seconds <= 60)) this.error(400, 'every: a number of seconds, 0.1 to 60');
    this.#everyMs = seconds * 1_000;
  }

  override async open() {
    this.#tell();
    // The signal aborts when the client has left. It ends the loop and its timer; the AbortError is no fault.
    for await (const _ of setInterval(this.#everyMs, null, { signal: this.signal })) this.#tell();
  }

  #tell() {
    const { timeZone: zone } = this.#format.resolvedOptions();
    this.writeMessage('time', { zone, time: this.#format.format(Date.now()) });
  }
}

const router = new Router();
router.mount('/clock/:zone?', ClockHandler);
const server = await router.listen({ port: Number(process.env.PORT ?? 8888) });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
console.log(`Listening on ${server.url}, try: curl -N ${server.url}/clock/Asia%2FTokyo`);
