/** `tradewind tail`: its options, and the process around it. */

import { once } from 'node:events';
import { Command } from 'commander';
import type { StreamEventsOptions } from '../client/stream-options.js';
import { collect, eventId, headerFields, httpUrl, number, type Refuse, wholeNumber } from './option-values.js';
import { tail } from './tail.js';
import { TailReport } from './tail-report.js';

interface TailFlags {
  json?: true;
  since?: string;
  event?: string[];
  header?: string[];
  method?: string;
  data?: string;
  idle: number;
  count?: number;
  retry?: boolean;
  comments?: true;
}

/** So long, after Ctrl-C, a reader may take for what is left. */
const LONGEST_FAREWELL_MS = 1_000;

const EXAMPLES = `
What comes goes to standard output; what the connection does, to standard error.

Examples:
  $ tradewind tail http://127.0.0.1:8888/doge/shiba
  $ tradewind tail https://example.com/prices --event tick --json | jq .data
  $ tradewind tail https://example.com/prices --since 1718-42 --header 'Authorization: Bearer …'
  $ tradewind tail https://example.com/v1/chat --method POST --data '{"prompt":"wow"}'

Ends with status 0 when the stream is over or you leave with Ctrl-C, with 1 when it is refused or lost.`;

export function tailCommand(): Command {
  return new Command('tail')
    .description('Follow an event stream, and say what becomes of the connection.')
    .argument('<url>', 'http or https; a user and password may be in it')
    .option('--json', 'print each event as one line: {"type","data","lastEventId","receivedAt"}')
    .option('--since <id>', 'resume after this event ID')
    .option('--event <type>', 'only events of this type; may be given again', collect)
    .option('--header <name: value>', 'send a header; may be given again', collect)
    .option('--method <method>', 'such as POST; the default with --data')
    .option('--data <body>', 'send a body; as application/json unless a header says otherwise')
    .option(
      '--idle <seconds>',
      'come back when nothing has come for so long, not even a heartbeat; 0: never',
      number,
      0,
    )
    .option('--count <events>', 'end after so many events', wholeNumber)
    .option('--comments', 'show comments, heartbeats among them')
    .option('--retry', 'come back whatever the method; else not for one that may do something twice, such as POST')
    .option('--no-retry', 'end when the stream is lost')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(url: string, flags: TailFlags, command: Command): Promise<void> {
  const refuse: Refuse = (sentence) => command.error(`error: ${sentence}`);
  httpUrl(url, refuse);
  const request = requestOf(flags, refuse);
  const leaving = new AbortController();
  const leave = () => {
    leaving.abort();
    // Whoever reads the output may not read any more: what was written then would keep the process.
    setTimeout(() => process.exit(), LONGEST_FAREWELL_MS).unref();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, leave);
  const { stdout, stderr } = process;
  const hasColours = (stream: NodeJS.WriteStream) => stream.isTTY && stream.hasColors();
  const report = new TailReport({
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    isJson: flags.json === true,
    hasColours: { out: hasColours(stdout), err: hasColours(stderr) },
  });
  const isOver = await tail(url, request, {
    report,
    types: flags.event,
    count: flags.count,
    hasComments: flags.comments === true,
    signal: leaving.signal,
    drained: () => (stdout.writableNeedDrain ? once(stdout, 'drain', { signal: leaving.signal }) : undefined),
  });
  if (!isOver) process.exitCode = 1;
}

function requestOf({ since, header = [], method, data, idle, retry }: TailFlags, refuse: Refuse): StreamEventsOptions {
  const headers = new Headers(headerFields(header, refuse));
  if (data !== undefined && !headers.has('Content-Type')) headers.set('Content-Type', 'application/json');
  return {
    headers,
    idleTimeoutMs: idle * 1_000,
    ...(since === undefined ? {} : { lastEventId: eventId(since, refuse) }),
    ...(data === undefined ? {} : { method: 'POST', body: data }),
    ...(method === undefined ? {} : { method }),
    ...(retry === undefined ? {} : { retry: retry && {} }),
  };
}
