import test from 'ava';
import { hubLink } from '../../src/hub/index.js';

const HUB = 'https://hub.example/.well-known/mercure';

test('DIS-01 hubLink: says where the hub is, and after which update', (t) => {
  t.is(hubLink(HUB), `<${HUB}>; rel="mercure"`);
  t.is(hubLink(new URL(HUB), { lastEventId: 'urn:uuid:7' }), `<${HUB}>; rel="mercure"; last-event-id="urn:uuid:7"`);
});

test('hubLink: cannot be broken out of', (t) => {
  t.is(
    hubLink('https://a.example/x>; rel="evil"', { lastEventId: 'a"\\é\n' }),
    '<https://a.example/x%3E;%20rel=%22evil%22>; rel="mercure"; last-event-id="a\\"\\\\%C3%A9%0A"',
  );
  t.throws(() => hubLink('/relative'), { instanceOf: TypeError });
});
