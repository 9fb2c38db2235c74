// Starts engines on free ports, with their data in the temporary folder, and stops them again.
//
//     npm run services                           # all that are installed, until Ctrl-C; prints where they listen
//     npm run services -- redis nats             # some of them
//     npm run services -- redis -- npx ava spec  # while a command runs, with REDIS_URL set; exits with its status
import { once } from 'node:events';
import { environmentOf } from './environment.js';
import { runCommand } from './run-command.js';
import { describeMissing, ENGINE_NAMES, isAvailable, isEngine, startService } from './start-service.js';

const argv = process.argv.slice(2);
const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
const [named, [command, ...args]] = [argv.slice(0, end), argv.slice(end + 1)];

const unknown = named.find((name) => !isEngine(name));
if (unknown !== undefined) {
  console.error(`There is no engine ${JSON.stringify(unknown)}: ${ENGINE_NAMES.join(', ')}.`);
  process.exit(1);
}
const wanted = named.length > 0 ? named.filter(isEngine) : ENGINE_NAMES;
const missing = wanted.filter((name) => !isAvailable(name));
for (const name of missing) console.error(`Not started: ${describeMissing(name)}`);
if (named.length > 0 && missing.length > 0) process.exit(1);

try {
  const services = await Promise.all(wanted.filter(isAvailable).map((name) => startService(name)));
  const environment = environmentOf(services);
  if (command === undefined) {
    // Before the lines are out: who reads them may end us at once.
    const asked = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), once(process, 'SIGHUP')]);
    // Signals alone do not keep a process alive.
    const alive = setInterval(() => {}, 2 ** 30);
    for (const [name, value] of Object.entries(environment)) console.log(`${name}=${value}`);
    await asked;
    clearInterval(alive);
  } else process.exitCode = await runCommand(command, args, environment);
  await Promise.all(services.map((service) => service.stop()));
} catch (error) {
  // Those that did start end with this process.
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
