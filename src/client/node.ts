/** "tradewind/client" in Node: the same as anywhere, over node:http. The only file of the client that imports anything of Node. */

import { setMaxListeners } from 'node:events';
import { setImmediate } from 'node:timers';
import { httpFetch } from './http-fetch.js';
import { platform } from './stream-request.js';
import { timers } from './task.js';

platform.fetch = httpFetch;
// One signal ends all streams of a program: no leak, which Node warns of from the eleventh on.
platform.share = (signal) => {
  if (signal instanceof AbortSignal) setMaxListeners(0, signal);
};
// Not the global one: that which a test runner puts in its place stands still.
timers.setImmediate = setImmediate;

// Whatever the one has: a list of its own could only differ.
export * from './index.js';
