/** Logs 2,000 lines to standard output, and exits in the same turn. */

import { HubLogger } from '../../src/hub/hub-logger.js';

const logger = new HubLogger();
for (let index = 0; index < 2_000; index++) logger.info({ index }, 'x'.repeat(200));
process.exit(0);
