/** Mercure 0.x: the publisher that most applications have, Symfony's own, unmodified. */

import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { hubLink } from '../../../src/hub/index.js';
import { notTested } from '../../support/not-tested.js';
import { JWT_KEY, MERCURE, serveHub } from '../serve-hub.js';

const PROGRAM = fileURLToPath(new URL('symfony-publisher.php', import.meta.url));
const COMPONENT = 'Symfony/Component/Mercure/autoload.php';

/** What the program writes. */
interface Published {
  readonly ids: readonly string[];
  readonly refusal: string;
  readonly cookie: string;
  readonly link: string;
}

function hasComponent(t: ExecutionContext): boolean {
  if (spawnSync('php', ['-r', `require '${COMPONENT}';`]).status === 0) return true;
  notTested(t, "Symfony's publisher (no php with it found). Debian: apt-get install php-cli php-symfony-mercure");
  return false;
}

test("Symfony's publisher: publishes public and private updates, and makes a cookie and a link that are good", async (t) => {
  if (!hasComponent(t)) return;
  // Before AVA's own: php takes a while to begin.
  t.timeout(60_000);
  const hub = await serveHub(t);
  const url = hub.url + MERCURE;
  const anonymous = await hub.subscribe(['https://example.com/books/{id}']);
  const { stdout } = await promisify(execFile)('php', [PROGRAM, url, JWT_KEY]);
  const { ids, refusal, cookie, link }: Published = JSON.parse(stdout);
  t.is(ids[1], 'urn:example:1');
  t.regex(refusal, /^HTTP\/1\.1 403 /);
  t.is(link, hubLink(url));

  const owner = await hub.subscribe(['https://example.com/books/1'], {
    headers: { Cookie: cookie, 'Last-Event-ID': 'earliest' },
  });
  const expected = [
    { type: 'message', data: '{"title":"Dune & Söhne"}\na+b=c%20d', lastEventId: ids[0] },
    { type: 'sale', data: 'sold', lastEventId: ids[1] },
    { type: 'message', data: 'draft', lastEventId: ids[2] },
    { type: 'message', data: '', lastEventId: ids[3] },
  ];
  const seen = (events: readonly { type: string; data: string; lastEventId: string }[]) =>
    events.map(({ type, data, lastEventId }) => ({ type, data, lastEventId }));
  t.deepEqual(seen(await owner.take(4)), expected);
  t.true(owner.raw.includes('retry: 1500\n'));
  t.deepEqual(
    seen(await anonymous.take(3)),
    expected.filter(({ data }) => data !== 'draft'),
  );
});
