/** `tradewind publish`: an event, or many, to a hub, from a script or by hand. */

import { text } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { innermostMessage } from '../client/stream-reader.js';
import { toError } from '../errors.js';
import { collect, httpUrl, type Refuse } from './option-values.js';
import { printable } from './wording.js';

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

/** Where a hub takes what is published by Mercure. */
const MERCURE = '.well-known/mercure';
const DEFAULT_HUB = 'http://127.0.0.1:8888';
/** A wrong server may answer with a page. */
const LONGEST_REFUSAL = 2_000;

const EXAMPLES = `
The command line wins over the environment, and a token over a key. Without --data the event is read from standard input. Prints the id of each event.

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
    .addOption(new Option('--hub <url>', 'where it is').env('TRADEWIND_HUB').default(DEFAULT_HUB))
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
  const refuse: Refuse = (sentence) => command.error(`error: ${sentence}`);
  const topics = flags.topic ?? [];
  if (flags.ndjson ? channels.length + topics.length > 0 : (channels.length === 0) === (topics.length === 0)) {
    refuse('give channels, or --topic, or --ndjson');
  }
  if (flags.private && topics.length === 0) refuse('--private needs --topic');
  for (const name of ['event', 'id', 'retry'] as const) {
    if (flags.ndjson && flags[name] !== undefined)
      refuse(`with --ndjson, each line has its own ${name}: leave --${name} out`);
  }
  const url = urlOf(flags, refuse);
  const headers = new Headers(authorizationOf(flags, command, refuse));
  const body = bodyOf(flags, channels, flags.data ?? (await text(process.stdin)));
  if (flags.ndjson) headers.set('Content-Type', 'application/x-ndjson');
  const outcome = await publish(url, { method: 'POST', headers, body });
  if (typeof outcome !== 'string') {
    process.stdout.write(outcome.map((id) => `${printable(id)}\n`).join(''));
    return;
  }
  process.stderr.write(`✗ ${printable(outcome)}\n`);
  process.exitCode = 1;
}

/** Returns the ids, or why there are none. */
async function publish(url: URL, init: RequestInit): Promise<string[] | string> {
  try {
    const answer = await fetch(url, init);
    const said = await answer.text();
    if (!answer.ok) return said.trim().slice(0, LONGEST_REFUSAL) || `${answer.status}`;
    const type = answer.headers.get('Content-Type');
    const ids = url.pathname.endsWith(MERCURE) ? idOf(said, type) : idsOf(said);
    return (
      ids ??
      `No hub: ${url.origin}${url.pathname} answers ${answer.status}, ${type ?? 'without a Content-Type'}, and no id.`
    );
  } catch (thrown) {
    return `No answer of ${url.origin}: ${innermostMessage(toError(thrown)).replace(/\.$/, '')}.`;
  }
}

/** Of the simple interface's answer. */
function idsOf(said: string): string[] | undefined {
  try {
    const { ids } = JSON.parse(said) as { ids: unknown };
    if (Array.isArray(ids) && ids.every((id) => typeof id === 'string')) return ids;
  } catch {
    // Then it is no answer of a hub's.
  }
  return undefined;
}

/** Of Mercure's, which is the id alone: what is no page may be one. */
function idOf(said: string, type: string | null): string[] | undefined {
  return /^text\/plain\b/i.test(type ?? 'text/plain') && /^.+$/.test(said) ? [said] : undefined;
}

function urlOf({ hub, topic }: Flags, refuse: Refuse): URL {
  const url = httpUrl(hub || DEFAULT_HUB, refuse);
  if (url.username + url.password !== '') refuse('--hub takes no user or password: give --key or --token');
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${topic === undefined ? 'publish' : MERCURE}`;
  return url;
}

function authorizationOf(flags: Flags, command: Command, refuse: Refuse): Record<string, string> {
  // Scripts set a variable to nothing, where others unset it.
  const given = (['token', 'key'] as const).filter((name) => flags[name]?.trim());
  const typed = given.filter((name) => command.getOptionValueSource(name) === 'cli');
  if (typed.length > 1) refuse('give --key or --token, not both');
  const [name] = [...typed, ...given];
  if (name === undefined) return {};
  const secret = flags[name]?.trim() ?? '';
  // Whoever sends it would show it whole in the error.
  if (!/^[\x20-\x7e\xa0-\xff]*$/.test(secret)) refuse(`the ${name} has characters that no header can carry`);
  return { Authorization: `Bearer ${secret}` };
}

function bodyOf(flags: Flags, channels: readonly string[], data: string): string | URLSearchParams {
  if (flags.ndjson) return data;
  const { topic: topics = [], event, id, retry } = flags;
  // What a shell adds at the end of a line is not meant.
  const form = new URLSearchParams([['data', flags.data ?? data.replace(/\r?\n$/, '')]]);
  for (const channel of channels) form.append('channel', channel);
  for (const topic of topics) form.append('topic', topic);
  for (const [name, value] of Object.entries({ [topics.length > 0 ? 'type' : 'event']: event, id, retry }))
    if (value !== undefined) form.set(name, value);
  if (flags.private) form.set('private', 'on');
  return form;
}
