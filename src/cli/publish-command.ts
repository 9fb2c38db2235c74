/** `tradewind publish`: an event, or many, to a hub, from a script or by hand. */

import { text } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { collect } from './option-values.js';

interface Flags {
  hub: string;
  key?: string;
  token?: string;
  data?: string;
  event?: string;
  id?: string;
  retry?: string;
  topic?: string[];
  private?: true;
  ndjson?: true;
}

const EXAMPLES = `
Without --data the event is read from standard input. Prints the id of each event.

Examples:
  $ tradewind publish news --data hello
  $ date | tradewind publish clock --event tick
  $ tradewind publish --topic https://example.com/books/1 --private --data '{"title":"…"}' --token "$TOKEN"
  $ jq -c '{channel: "log", data: .}' log.json | tradewind publish --ndjson

Ends with status 0 when the hub has kept the event, and with 1, and its answer, when it has not.`;

export function publishCommand(): Command {
  return new Command('publish')
    .description('Publish on a hub.')
    .argument('[channels...]', 'the channels; or give --topic')
    .addOption(new Option('--hub <url>', 'where it is').env('TRADEWIND_HUB').default('http://127.0.0.1:8888'))
    .addOption(new Option('--key <key>', 'its publish key').env('TRADEWIND_PUBLISH_KEY'))
    .addOption(new Option('--token <jwt>', 'a token that grants publishing').env('TRADEWIND_TOKEN'))
    .option('--data <text>', 'what is published')
    .option('--event <type>', 'its type')
    .option('--id <id>', 'its id, unless the hub is to give it one')
    .option('--retry <ms>', 'the reconnection time that clients are given')
    .option('--topic <topic>', 'publish by Mercure, on this topic; may be given again', collect)
    .option('--private', 'with --topic: only for those whose token grants it')
    .option('--ndjson', 'standard input is an event a line: {"channel","event","data","id","retry"}')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(channels: string[], flags: Flags, command: Command): Promise<void> {
  const topics = flags.topic ?? [];
  if (flags.ndjson ? channels.length + topics.length > 0 : (channels.length === 0) === (topics.length === 0)) {
    command.error('error: give channels, or --topic, or --ndjson');
  }
  if (flags.private && topics.length === 0) command.error('error: --private needs --topic');
  const answer = await fetch(requestOf(flags, channels, flags.data ?? (await text(process.stdin))));
  const body = await answer.text();
  if (!answer.ok) {
    process.stderr.write(`✗ ${body.trim() || answer.status}\n`);
    process.exitCode = 1;
    return;
  }
  const ids = topics.length > 0 ? [body] : (JSON.parse(body) as { ids: string[] }).ids;
  process.stdout.write(ids.map((id) => `${id}\n`).join(''));
}

function requestOf(flags: Flags, channels: readonly string[], data: string): Request {
  const { hub, key, token, topic: topics = [], event, id, retry } = flags;
  const secret = token ?? key;
  const headers = new Headers(secret === undefined ? {} : { Authorization: `Bearer ${secret}` });
  const base = hub.endsWith('/') ? hub : `${hub}/`;
  if (flags.ndjson) {
    headers.set('Content-Type', 'application/x-ndjson');
    return new Request(new URL('publish', base), { method: 'POST', headers, body: data });
  }
  // What a shell adds at the end of a line is not meant.
  const form = new URLSearchParams([['data', flags.data ?? data.replace(/\r?\n$/, '')]]);
  for (const channel of channels) form.append('channel', channel);
  for (const topic of topics) form.append('topic', topic);
  for (const [name, value] of Object.entries({ [topics.length > 0 ? 'type' : 'event']: event, id, retry }))
    if (value !== undefined) form.set(name, value);
  if (flags.private) form.set('private', 'on');
  const path = topics.length > 0 ? '.well-known/mercure' : 'publish';
  return new Request(new URL(path, base), { method: 'POST', headers, body: form });
}
