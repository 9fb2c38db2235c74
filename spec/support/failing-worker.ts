/** A worker for a spec of `inWorkers`: the one with index 1 ends at once, each time. */
import { inWorkers } from '../../src/server/cluster.js';

await inWorkers({ workers: 2 }, (index) => {
  if (index === 1) process.exit(3);
  return { close() {} };
});
