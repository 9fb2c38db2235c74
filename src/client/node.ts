/** "tradewind/client" in Node: the same as anywhere, over node:http. The only file of the client that imports anything of Node. */

import { setImmediate } from 'node:timers';
import { httpFetch } from './http-fetch.js';
import { platform } from './stream-request.js';
import { timers } from './task.js';

platform.fetch = httpFetch;
// Not the global one: that which a test runner puts in its place stands still.
timers.setImmediate = setImmediate;

// Whatever the one has: a list of its own could only differ.
export * from './index.js';
