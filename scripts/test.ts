// Runs AVA with the engines of the brokers at hand, and says last what could not be tested here: npm test -- spec/channel
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentOf, handedOver } from './services/environment.js';
import { runCommand } from './services/run-command.js';
import { ENGINE_NAMES, isAvailable, startService } from './services/start-service.js';

const AVA = 'node_modules/ava/entrypoints/cli.mjs';

const wanted = ENGINE_NAMES.filter((name) => isAvailable(name) && !handedOver().includes(name));
const starts = await Promise.allSettled(wanted.map((name) => startService(name)));
const services = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
// The specs that need an engine that did not start will fail; the others still have something to tell.
for (const start of starts) if (start.status === 'rejected') console.error(start.reason.message);

const folder = mkdtempSync(join(tmpdir(), 'tradewind-test-'));
const report = join(folder, 'not-tested');
try {
  const environment = { ...environmentOf(services), NOT_TESTED_REPORT: report };
  process.exitCode = await runCommand(process.execPath, [AVA, ...process.argv.slice(2)], environment);
  const lines = existsSync(report) ? readFileSync(report, 'utf8').trimEnd().split('\n') : [];
  for (const line of [...new Set(lines)].sort()) console.log(`Not tested: ${line}`);
} finally {
  // What failed then is not the fault of the specs that say so.
  for (const { crash } of services) {
    if (crash === null) continue;
    console.error(crash.message);
    process.exitCode = 1;
  }
  await Promise.all(services.map((service) => service.stop()));
  rmSync(folder, { recursive: true });
}
