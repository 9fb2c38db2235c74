/** Logs 2,000 lines to standard output, and exits in the same turn; or as many as it is told to, and ends after a line of standard input. */

import { HubLogger } from '../../src/hub/hub-logger.js';

const logger = new HubLogger();
const [count] = process.argv.slice(2);
for (let index = 0; index < Number(count ?? 2_000); index++) logger.info({ index }, 'x'.repeat(200));
if (count === undefined) process.exit(0);
process.stdin.once('data', () => process.stdin.destroy());
