/** `tradewind publish`, in a process of its own, to hubs that are none, and with what it must not show. */

import type { IncomingMessage } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { CommanderError } from 'commander';
import { publishCommand } from '../../src/cli/publish-command.js';
import { runCommand } from '../support/command-line.js';
import { answerBytes, listen } from '../support/plain-server.js';

/** What is answered as a hub would; `seen` has the requests. */
async function hub(t: ExecutionContext): Promise<{ url: string; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const url = await listen(t, (request, response) => {
    seen.push(request);
    response.end('{"status":"ok","ids":["urn:1"],"subscribers":0}');
  });
  return { url, seen };
}

function publish(t: ExecutionContext, hub: string, args: readonly string[] = [], environment: NodeJS.ProcessEnv = {}) {
  const bare = { TRADEWIND_HUB: undefined, TRADEWIND_PUBLISH_KEY: undefined, TRADEWIND_TOKEN: undefined };
  return runCommand(t, ['publish', '--data', 'x', '--hub', hub, ...args], { environment: { ...bare, ...environment } });
}

const ESCAPES = '\x1b]0;x\x07\x1b[2J\x7f\xc2\x9b2J';
const SHOWN = '\\x1b]0;x\\x07\\x1b[2J\\x7f\\x9b2J\n';

test('publish: shows controls of a refusal instead of sending them to the terminal', async (t) => {
  const { err, status } = await publish(t, await answerBytes(t, `HTTP/1.1 403 F\r\n\r\n${ESCAPES}`), ['a']);
  t.is(err, `✗ ${SHOWN}`);
  t.is(status, 1);
});

test('publish: shows controls of an id instead of sending them to the terminal', async (t) => {
  const ids = JSON.stringify({ ids: [Buffer.from(ESCAPES, 'latin1').toString()] });
  const url = await listen(t, (_request, response) => void response.end(ids));
  t.is((await publish(t, url, ['a'])).out, SHOWN);
  const mercure = await answerBytes(t, `HTTP/1.1 200 O\r\n\r\n${ESCAPES}`);
  t.is((await publish(t, mercure, ['--topic', 'a'])).out, SHOWN);
});

test('publish: says why there is no answer', async (t) => {
  const url = await listen(t, (request) => void request.socket.destroy());
  const { err, status } = await publish(t, url, ['a']);
  t.is(err, `✗ No answer of ${url}: other side closed.\n`);
  t.is(status, 1);
  const { err: nobody } = await publish(t, 'http://nowhere.invalid', ['a']);
  t.regex(nobody, /^✗ No answer of http:\/\/nowhere\.invalid: getaddrinfo (ENOTFOUND|EAI_AGAIN) nowhere\.invalid\.\n$/);
});

for (const [what, type, body] of [
  ['a page', 'text/html', '<html>'],
  ['another JSON', 'application/json', '{}'],
  ['a null', 'application/json', 'null'],
  ['ids that are none', 'application/json', '{"ids":[7]}'],
  ['nothing', 'text/plain', ''],
] as const) {
  test(`publish: says that it is no hub that answers with ${what}`, async (t) => {
    const url = await listen(t, (_request, response) => void response.setHeader('Content-Type', type).end(body));
    const { out, err, status } = await publish(t, `${url}/base/`, ['a']);
    t.deepEqual([out, err, status], ['', `✗ No hub: ${url}/base/publish answers 200, ${type}, and no id.\n`, 1]);
  });
}

test('publish --topic: says that it is no hub that answers with a page', async (t) => {
  const url = await listen(t, (_request, response) => void response.setHeader('Content-Type', 'text/html').end('<p>'));
  const { err, status } = await publish(t, url, ['--topic', 'a']);
  t.is(err, `✗ No hub: ${url}/.well-known/mercure answers 200, text/html, and no id.\n`);
  t.is(status, 1);
});

for (const [what, args, environment, sent] of [
  ['a key over the token of the environment', ['--key', 'k'], { TRADEWIND_TOKEN: 'e' }, 'Bearer k'],
  ['a token over the key of the environment', ['--token', 't'], { TRADEWIND_PUBLISH_KEY: 'e' }, 'Bearer t'],
  ['the token of the environment', [], { TRADEWIND_TOKEN: 'e', TRADEWIND_PUBLISH_KEY: 'k' }, 'Bearer e'],
  ['a key when the token is empty', ['--token', '', '--key', 'k'], {}, 'Bearer k'],
  ['the key of the environment when the token is empty', ['--token', ''], { TRADEWIND_PUBLISH_KEY: 'k' }, 'Bearer k'],
  ['nothing when the token is empty', ['--token', ''], { TRADEWIND_TOKEN: 'e' }, undefined],
] as const) {
  test(`publish: sends ${what}`, async (t) => {
    const { url, seen } = await hub(t);
    t.is((await publish(t, url, ['a', ...args], environment)).status, 0);
    t.is(seen[0]?.headers.authorization, sent);
  });
}

for (const [what, said, ...args] of [
  ['a password for the hub', /^error: --hub takes no user or password/, 'a', '--hub', 'http://me:SECRET@127.0.0.1:9'],
  ['a hub that is no URL', /^error: Not a URL of http or https: "…@no host"/, 'a', '--hub', 'http://me:SECRET@no host'],
  ['a hub without http', /^error: Not a URL of http or https: "localhost:8888"/, 'a', '--hub', 'localhost:8888'],
  ['a key that no header can carry', /^error: the key has characters/, 'a', '--key', 'SECRET\nb'],
  ['a token that no header can carry', /^error: the token has characters/, 'a', '--token', 'SECRET…'],
  ['a key and a token', /^error: give --key or --token, not both/, 'a', '--key', 'SECRET', '--token', 'SECRET'],
  ['an event type for --ndjson', /^error: with --ndjson, each line has its own event/, '--ndjson', '--event', 'x'],
  ['an id for --ndjson', /^error: with --ndjson, each line has its own id/, '--ndjson', '--id', '5'],
  ['a retry for --ndjson', /^error: with --ndjson, each line has its own retry/, '--ndjson', '--retry', '5'],
] as const) {
  test(`publish: refuses ${what}, and shows no secret`, async (t) => {
    let output = '';
    const command = publishCommand()
      .exitOverride()
      .configureOutput({ writeErr: (text) => (output += text) });
    await t.throwsAsync(command.parseAsync([...args, '--data', 'x'], { from: 'user' }), { instanceOf: CommanderError });
    t.regex(output, said);
    t.false(output.includes('SECRET'));
  });
}
