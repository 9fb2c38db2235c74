/** "tradewind/client" in Node: the same as anywhere, over node:http. The only file of the client that imports anything of Node. */

import { httpFetch } from './http-fetch.js';
import { platform } from './stream-request.js';

platform.fetch = httpFetch;

// Whatever the one has: a list of its own could only differ.
export * from './index.js';
