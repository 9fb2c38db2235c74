/** `tradewind serve` and `tradewind publish`, in processes of their own, as a person runs them. */

import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openBroker } from '../../src/cli/serve/open-broker.js';
import { readSettings } from '../../src/cli/serve/read-settings.js';
import { SETTINGS, variableOf } from '../../src/cli/serve/settings.js';
import { OptionFaults } from '../../src/option-faults.js';
import { connect } from '../../src/testing/index.js';
import { certificate } from '../support/certificate.js';
import { type CommandOptions, type Run, runCommand, startCommand } from '../support/command-line.js';
import { ownEngine } from '../support/services.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** Starts a hub on a port that the system chose. */
async function serve(
  t: ExecutionContext,
  args: readonly string[] = [],
  options?: CommandOptions,
): Promise<Run & { url: string }> {
  const run = startCommand(t, ['serve', '--port', '0', ...args], options);
  await run.said(/tradewind hub at (\S+),/);
  return Object.assign(run, { url: /tradewind hub at (\S+),/.exec(run.err)?.[1] ?? '' });
}

async function file(t: ExecutionContext, name: string, content: string): Promise<string> {
  const path = join(await temporaryFolder(t), name);
  await writeFile(path, content);
  return path;
}

test('serve: says where it is, and that it is open; drains and ends with status 0 at SIGTERM', async (t) => {
  const hub = await serve(t, ['--drain-seconds', '0']);
  t.regex(hub.err, /no key is set/);
  const client = await connect(hub.url, '/?channels=news');
  t.teardown(() => client.close());
  const published = await runCommand(t, ['publish', 'news', '--hub', hub.url, '--data', 'wow', '--event', 'tick']);
  const event = await client.next();
  t.like(event, { type: 'tick', data: 'wow' });
  t.is(published.out, `${event.lastEventId}\n`);
  hub.child.kill('SIGTERM');
  await client.closed;
  t.is(await hub.ended, 0);
  t.true(client.isComplete);
});

test('serve: says all that is wrong at once, and ends with status 1', async (t) => {
  const config = await file(t, 'hub.yaml', 'prot: 80\nport: many\nhttp2: perhaps\n');
  const { err, status } = await runCommand(t, [
    'serve',
    '--config',
    config,
    '--host',
    '0.0.0.0',
    '--broker',
    'http://user:secret@x',
    '--tls-cert',
    '/nope',
    '--jwt-key',
    '@/nope/key',
    '--cookie-name',
    'a b',
    '--stdin',
    'news.*',
    '--drain-seconds',
    '9999999',
  ]);
  t.is(status, 1);
  for (const fault of [
    /"prot" in .*hub.yaml is no setting/,
    /port in .* "many" is not a number/,
    /http2 in .* "perhaps" is not true or false/,
    /broker "http:…" is not redis/,
    /tlsCert and tlsKey need each other/,
    /\/nope\/key/,
    /"0.0.0.0" is reached from elsewhere/,
    /cookieName "a b" is not one that a cookie can have/,
    /stdin "news\.\*" is not the name of a channel/,
    /drainSeconds "9999999" is not a number, 0 to 2147483/,
  ])
    t.regex(err, fault);
  t.false(err.includes('secret'));
});

test('serve: says what is out of range, what needs something else, and what cannot be imported, all at once', async (t) => {
  const args = ['--port', '99999', '--http2', '--slow-consumer', 'what', '--history-count', 'x', '--app', '/nope.js'];
  const { err, status } = await runCommand(t, ['serve', ...args]);
  t.is(status, 1);
  for (const fault of [
    /--history-count "x"/,
    /No app: "\/nope.js"/,
    /port "99999"/,
    /http2 needs tls/,
    /slowConsumer "what"/,
  ])
    t.regex(err, fault);
});

test('serve --tls-cert, --tls-key, --http2: serves HTTPS', async (t) => {
  const { key, cert } = certificate();
  const hub = await serve(t, [
    '--http2',
    '--tls-cert',
    await file(t, 'cert.pem', cert),
    '--tls-key',
    await file(t, 'key.pem', key),
  ]);
  t.regex(hub.url, /^https:/);
});

test('serve --stdin: makes each line an event, of the channel that is named', async (t) => {
  const hub = await serve(t, ['--stdin', 'log'], { input: 'one\ntwo\r\n\nthree: é\n' });
  const client = await connect(hub.url, '/?channels=log&lastEventId=earliest');
  t.teardown(() => client.close());
  t.deepEqual(
    (await client.take(4)).map(({ data }) => data),
    ['one', 'two', '', 'three: é'],
  );
  hub.child.stdin?.end('last\n');
  t.is((await client.next()).data, 'last');
});

test('serve --stdin: loses no line while Redis is away, and says when it begins and that it is over', async (t) => {
  const redis = await ownEngine(t, 'redis', { settings: { appendfsync: 'always' } });
  if (redis === null) return;
  const hub = await serve(t, ['--broker', redis.url, '--stdin', 'log'], { input: 'before\n' });
  const client = await connect(hub.url, '/?channels=log&lastEventId=earliest');
  t.teardown(() => client.close());
  t.is((await client.next()).data, 'before');
  await redis.kill();
  while ((await fetch(`${hub.url}/readyz`)).status !== 503);
  const lines = Array.from({ length: 5 }, (_, number) => `while away ${number}`);
  hub.child.stdin?.write(`${lines.join('\n')}\n`);
  await hub.said(/! standard input waits for the broker: The engine cannot be reached/);
  await redis.restart();
  await hub.said(/! standard input is published again/);
  hub.child.stdin?.end('after\n');
  t.deepEqual(
    (await client.take(6)).map(({ data }) => data),
    [...lines, 'after'],
  );
  t.is(hub.err.match(/standard input/g)?.length, 2);
  t.notRegex(hub.err, /not published/);
});

test('serve --data: has every answered publish after a kill -9, and resumes where the client was', async (t) => {
  const folder = await temporaryFolder(t);
  const hub = await serve(t, ['--data', folder]);
  const ids: string[] = [];
  const publish = async (data: number) => {
    const response = await fetch(`${hub.url}/publish`, {
      method: 'POST',
      body: new URLSearchParams({ channel: 'a', data: `${data}` }),
    });
    ids.push(((await response.json()) as { ids: string[] }).ids[0] as string);
  };
  for (let number = 0; number < 50; number++) await publish(number);
  hub.child.kill('SIGKILL');
  await hub.ended;
  const again = await serve(t, ['--data', folder]);
  const client = await connect(again.url, '/?channels=a', { lastEventId: ids[9] ?? '' });
  t.teardown(() => client.close());
  t.deepEqual(
    (await client.take(40)).map(({ lastEventId }) => lastEventId),
    ids.slice(10),
  );
});

test("serve --app: mounts a module's handlers beside the hub's, on the hub's channels", async (t) => {
  const app = await file(
    t,
    'app.mjs',
    `import { EventSourceHandler } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
    export default (hub) => hub.router.mount('/rooms/:room', class extends EventSourceHandler {
      async open({ room }) { await this.subscribe(room); this.writeMessage('ready', ''); }
    });
    export const authorizePublish = ({ update }) => update.data !== 'rude';
    export const authorizeSubscribe = ({ topics }) => !topics.includes('closed');`,
  );
  const hub = await serve(t, ['--app', app]);
  const client = await connect(hub.url, '/rooms/a');
  t.teardown(() => client.close());
  await client.next('ready');
  await fetch(`${hub.url}/publish`, { method: 'POST', body: new URLSearchParams({ channel: 'a', data: 'x' }) });
  t.is((await client.next()).data, 'x');
  const rude = new URLSearchParams({ channel: 'a', data: 'rude' });
  t.is((await fetch(`${hub.url}/publish`, { method: 'POST', body: rude })).status, 403);
  t.is((await fetch(`${hub.url}/?channels=closed`)).status, 403);
});

test('serve: says that the port is taken, or that the app is none, and ends with status 1 (with an engine)', async (t) => {
  const hub = await serve(t);
  const { port } = new URL(hub.url);
  const taken = await runCommand(t, ['serve', '--port', port, '--data', await temporaryFolder(t)]);
  t.is(taken.status, 1);
  t.regex(taken.err, /Cannot listen/);
  const app = await file(t, 'app.mjs', 'export default 7;');
  const none = await runCommand(t, ['serve', '--app', app, '--host', '0.0.0.0']);
  t.is(none.status, 1);
  t.regex(none.err, /No app: .*; host "0.0.0.0"/);
});

test('serve: takes no name that every object has for a broker', async (t) => {
  const { err, status } = await runCommand(t, ['serve', '--port', '0', '--broker', 'constructor://x']);
  t.is(status, 1);
  t.regex(err, /broker "constructor:…" is not redis/);
});

test('serve --broker: repeats nothing of a URL but its scheme, wherever its password is', async (t) => {
  for (const url of ['redsi://user:pa/s@ss@host', 'pa/s@ss@host:6379', 'user pa/s@ss@host']) {
    const faults = new OptionFaults();
    t.is(await openBroker({ broker: url }, faults), null);
    const error = t.throws(() => faults.throwIfAny());
    t.regex(error?.message ?? '', url.startsWith('redsi') ? /broker "redsi:…" is not redis/ : /: broker is not redis/);
    t.false(error?.message.includes('s@ss'));
  }
});

test('serve --broker: says what is wrong with the URL of a Redis, and ends with status 1', async (t) => {
  for (const url of ['redis://127.0.0.1:6379/x', 'unix:///run/redis.sock?db=x']) {
    const { err, status } = await runCommand(t, ['serve', '--port', '0', '--broker', url]);
    t.is(status, 1);
    t.regex(err, /^✗ .*url is not redis:.* with a number for the database/);
  }
});

test('serve --broker: takes a Redis at a socket of this machine', async (t) => {
  const path = join(await temporaryFolder(t), 'redis.sock');
  const redis = await ownEngine(t, 'redis', { settings: { unixsocket: path } });
  if (redis === null) return;
  const hub = await serve(t, ['--broker', `unix://${path}`, '--stdin'], { input: 'one\n' });
  const client = await connect(hub.url, '/?channels=stdin&lastEventId=earliest');
  t.teardown(() => client.close());
  t.is((await client.next()).data, 'one');
});

test('serve: refuses a secret that a file has as a number, and is another one by then', async (t) => {
  const path = await file(t, 'hub.yaml', 'publishKey: 007\njwtKey: 12345678901234567890\ncookieName: 7\n');
  const faults = new OptionFaults();
  t.is(readSettings({ flags: {}, environment: {}, file: path }, faults)['cookieName'], '7');
  const { message } = t.throws(() => faults.throwIfAny());
  for (const name of ['publishKey', 'jwtKey'])
    t.regex(message, new RegExp(`${name} in \\S+ is not text: put it in quotes`));
  t.notRegex(message, /12345|"7"/);
});

test('serve: takes true for the name of a setting only where its value may be missing', async (t) => {
  const path = await file(t, 'hub.yaml', 'data: true\napp: true\ncookieName: true\nstdin: true\n');
  const faults = new OptionFaults();
  t.deepEqual(readSettings({ flags: {}, environment: {}, file: path }, faults)['stdin'], 'stdin');
  const { message } = t.throws(() => faults.throwIfAny());
  for (const name of ['data', 'app', 'cookieName']) t.regex(message, new RegExp(`${name} in \\S+ "true" is not text`));
});

test('serve: an option wins over a variable, and that over the file', async (t) => {
  const config = await file(
    t,
    'hub.json',
    '{"$schema":"x","host":"file","port":1,"cookieName":"file","cors":["a","b"],"anonymous":true}',
  );
  const faults = new OptionFaults();
  const values = readSettings(
    {
      flags: { host: 'flag' },
      environment: { TRADEWIND_HOST: 'variable', TRADEWIND_PORT: '2', TRADEWIND_HTTP2: 'false' },
      file: config,
    },
    faults,
  );
  t.notThrows(() => faults.throwIfAny());
  t.deepEqual(values, { host: 'flag', port: 2, cookieName: 'file', cors: ['a', 'b'], anonymous: true, http2: false });
});

test('serve: reads secrets from files, without the last line break', async (t) => {
  const key = await file(t, 'secret.txt', 'much secret\n');
  const values = readSettings(
    { flags: { jwtKey: `@${key}` }, environment: { TRADEWIND_PUBLISH_KEY: `@${key}` } },
    new OptionFaults(),
  );
  t.deepEqual(values, { jwtKey: 'much secret', publishKey: 'much secret' });
});

test('serve: has a variable and an option of its own for each setting', (t) => {
  const names = SETTINGS.map(variableOf);
  t.is(new Set(names).size, SETTINGS.length);
  t.true(names.includes('TRADEWIND_MAX_CONNECTIONS_PER_ADDRESS'));
});

test('serve: takes a switch that is on anyway, and one that turns it off', async (t) => {
  const hub = await serve(t, ['--console', '--no-metrics']);
  t.is((await fetch(`${hub.url}/console/`)).status, 200);
  t.is((await fetch(`${hub.url}/metrics`)).status, 404);
});

test('serve --print-schema: prints the schema that the documentation has', async (t) => {
  const { out } = await runCommand(t, ['serve', '--print-schema']);
  t.is(out, readFileSync(new URL('../../docs/hub.schema.json', import.meta.url), 'utf8'));
});

test("serve --publisher-jwt-key: takes publishers' tokens of this key, and subscribers' of the other", async (t) => {
  const [ofPublishers, ofSubscribers] = ['much secret of publishers', 'much secret of subscribers'];
  const hub = await serve(t, ['--jwt-key', ofSubscribers, '--publisher-jwt-key', ofPublishers]);
  const tokenWith = async (key: string) => {
    const { out } = await runCommand(t, ['token', 'create', '--key', key, '--publish', '*', '--subscribe', '*']);
    return { Authorization: `Bearer ${out.trim()}` };
  };
  const [publisher, subscriber] = [await tokenWith(ofPublishers), await tokenWith(ofSubscribers)];
  const post = async (headers: Record<string, string>) =>
    (
      await fetch(`${hub.url}/publish`, {
        method: 'POST',
        headers,
        body: new URLSearchParams({ channel: 'a', data: 'x' }),
      })
    ).status;
  const get = async (headers: Record<string, string>) => {
    const client = await connect(hub.url, '/?channels=a', { headers });
    await client.close();
    return client.status;
  };
  t.deepEqual([await post(publisher), await post(subscriber)], [200, 401]);
  t.deepEqual([await get(publisher), await get(subscriber)], [401, 200]);
});

test('publish: reads standard input, publishes by Mercure, and says what a hub answers that refuses', async (t) => {
  const hub = await serve(t, ['--publish-key', 'key']);
  const environment = { TRADEWIND_HUB: hub.url, TRADEWIND_PUBLISH_KEY: 'key' };
  const client = await connect(hub.url, '/.well-known/mercure?topic=*');
  t.teardown(() => client.close());
  await runCommand(t, ['publish', 'a'], { input: 'from stdin\n', environment });
  await runCommand(t, ['publish', '--topic', 'b', '--topic', 'c', '--data', 'two', '--id', 'mine'], { environment });
  await runCommand(t, ['publish', '--ndjson'], {
    input: '{"channel":"d","data":1}\n{"channel":"d","data":2}\n',
    environment,
  });
  t.deepEqual(
    (await client.take(4)).map(({ data }) => data),
    ['from stdin', 'two', '1', '2'],
  );
  t.is(client.events[1]?.lastEventId, 'mine');
  const refused = await runCommand(t, ['publish', 'a', '--data', 'x', '--hub', hub.url]);
  t.is(refused.status, 1);
  t.regex(refused.err, /✗ 401/);
  t.is((await runCommand(t, ['publish', '--data', 'x'])).status, 1);
});
