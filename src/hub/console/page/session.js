/** The key of whoever looks, as long as the tab is open. It goes into a header, never into an address. */

import { headerBytes } from './header-bytes.js';

const NAME = 'tradewind.key';

/** How the hub let us in: `open`, `key` or `token`. */
let access = 'open';

export function setAccess(given) {
  access = given;
}

/** Whether it was by a token, which a hub may want of subscribers as well. */
export function hasToken() {
  return access === 'token';
}

export function keep(key) {
  sessionStorage.setItem(NAME, key);
}

export function forget() {
  sessionStorage.removeItem(NAME);
}

export function hasKey() {
  return sessionStorage.getItem(NAME) !== null;
}

/** For the console's own requests, for publishing, and for subscribing. */
export function headers() {
  const key = sessionStorage.getItem(NAME);
  return key === null ? {} : { Authorization: `Bearer ${headerBytes(key)}` };
}
