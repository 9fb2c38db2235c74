/** That what is measured is right: each side brings every event to everybody, and no other. */

import test from 'ava';
import { nativeLoadClient } from '../../bench/fanout/load-client.js';
import type { Side } from '../../bench/fanout/side.js';
import { Sides } from '../../bench/fanout/sides.js';
import { compilePrograms } from '../../bench/support/compile.js';
import { notTested } from '../support/not-tested.js';

const programs = compilePrograms();
const TURNS = 3;
const SUBSCRIBERS = 3;

function sidesOf(perTurn: number): Side[] {
  return new Sides({ programs }, { subscribers: SUBSCRIBERS, turns: TURNS, perTurn, bytes: 120, data: 'string' }).all();
}

const many = sidesOf(20);
/** Stores, of which a turn brings one event. */
const single = sidesOf(1).filter(({ name }) => many.every((side) => side.name !== name));

for (const [perTurn, sides] of [
  [20, many],
  [1, single],
] as const) {
  for (const side of sides) {
    test(`sides: ${side.name} brings everybody what it publishes, ${perTurn} in a turn`, async (t) => {
      if (programs === null)
        return notTested(t, 'the sides of the benches (no cc found). Debian: apt-get install gcc libc6-dev');
      const server = await side.start([]);
      t.teardown(() => server.stop());
      const client = await nativeLoadClient(programs.load)(server, SUBSCRIBERS, []);
      t.teardown(() => client.stop());
      const before = await server.cpu();
      const { ok, fault, deliveries } = await client.run(TURNS, perTurn);
      t.deepEqual({ ok, fault, deliveries }, { ok: true, fault: '', deliveries: SUBSCRIBERS * TURNS * perTurn });
      t.true((await server.cpu()).total > before.total);
    });
  }
}
