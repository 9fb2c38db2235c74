/**
 * Goal: stores. Who comes sees the newest temperature at once, and then every reading; no handler class is needed.
 *
 * Run:  node --import ./scripts/typescript.mjs samples/11-store/server.ts   (from the root, after `npm run build`)
 * Try:  curl -N http://127.0.0.1:8888/temperature
 *       curl -N http://127.0.0.1:8888/readings
 *       curl -N http://127.0.0.1:8888/countdown/3
 *       curl -X DELETE http://127.0.0.1:8888/sensor   turns the sensor off: the streams end, and who comes back is answered 204
 * See:  event: temperature
 *       data: {"celsius":20.3,"highest":20.9}
 */
import { setTimeout } from 'node:timers/promises';
import { DataStore, QueueStore, RequestHandler, Router, StoreHandler } from 'tradewind';

// A newest value: who comes gets it at once, who reads slowly skips to the newest.
const temperature = new DataStore({ celsius: 20, highest: 20 });
// Every item, in order, for who is there. Who is more than a minute behind is cut off.
const readings = new QueueStore<number>({ maxItems: 60 });

// Stands in for a sensor.
const sensor = setInterval(() => {
  const celsius = 20 + Math.round(10 * Math.sin(Date.now() / 10_000)) / 10;
  readings.submit(celsius);
  temperature.submit({ celsius, highest: Math.max(celsius, temperature.value?.highest ?? celsius) });
}, 1_000);

function turnOff() {
  clearInterval(sensor);
  for (const store of [temperature, readings]) store.close();
}

class SensorHandler extends RequestHandler {
  override delete() {
    turnOff();
    this.setStatus(204);
  }
}

const router = new Router();
router.mount('/temperature', StoreHandler, { store: temperature, event: 'temperature' });
router.mount('/readings', StoreHandler, { store: readings, event: 'reading' });
router.mount('/sensor', SensorHandler);
// For each client a countdown of its own. When it has ended, so has the stream.
router.mount('/countdown/:from(^\\d+$)', StoreHandler, {
  async *store({ from }, { signal }) {
    for (let left = Math.min(Number(from), 60); left >= 0; left--) {
      yield left;
      await setTimeout(100, undefined, { signal });
    }
  },
});

const server = await router.listen({ port: Number(process.env.PORT ?? 8888) });
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    turnOff();
    server.close();
  });
}
console.log(`Listening on ${server.url}, try: curl -N ${server.url}/temperature`);
