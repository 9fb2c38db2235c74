/** What an event carries: enough to know it again, and to see that nothing of it was changed on the way. */

/** Names an event: its publisher, its number there, and the index of its channel. */
export interface EventName {
  readonly publisher: number;
  readonly number: number;
  readonly channel: number;
}

/** Now and then something that is awkward to carry: lines, what only looks like one, nothing. And one in eight is long. */
const FILLERS: readonly string[] = [
  '',
  ' ',
  '\n',
  'such\nwow\n\n',
  '\u2028much\u0085',
  '狗🐕',
  ': no comment',
  'much',
  'data: id: 7',
];
const LONG = 'very stream '.repeat(200);

export function payloadOf({ publisher, number, channel }: EventName): string {
  const filler = number % 8 === 7 ? LONG : (FILLERS[number % 31] ?? 'x'.repeat(number % 31));
  return `${publisher}/${number}/${channel}/${filler}`;
}

/** Null when nobody of ours can have published it. */
export function parsePayload(data: string): EventName | null {
  const [, publisher, number, channel] = /^(\d{1,9})\/(\d{1,9})\/(\d{1,9})\//.exec(data) ?? [];
  const name = { publisher: Number(publisher), number: Number(number), channel: Number(channel) };
  return payloadOf(name) === data ? name : null;
}
