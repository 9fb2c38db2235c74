/**
 * What publishing costs by way of each broker, beside its engine's own client that does the same appends bare: events for each
 * second, and the time from the call until a subscriber has the event. Then how long a new process reads a history. Each engine's
 * file in `brokers/` says what exactly.
 *
 * Run:   npm run bench -- brokers [redis nats ...]
 * Takes: about a minute for each engine.
 */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('brokers/', import.meta.url));
const engines = readdirSync(folder).map((file) => file.replace('.ts', ''));
const asked = process.argv.slice(2).filter((argument) => engines.includes(argument));
for (const engine of asked.length > 0 ? asked : engines) {
  console.log(`\n${engine}`);
  const args = ['--import', './scripts/typescript.mjs', `${folder}${engine}.ts`];
  if (spawnSync(process.execPath, args, { stdio: 'inherit' }).status !== 0) process.exitCode = 1;
}
