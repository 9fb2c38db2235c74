/** What `tradewind serve` can be told: by an option, by an environment variable, and in a file, all in the same words. */

/** How a value is written. A `secret` is a text that is never shown, and `@file` reads it from a file. */
export type Kind = 'text' | 'secret' | 'number' | 'switch' | 'list';

export interface Setting {
  /** In the file; the option is `--jwt-key` for `jwtKey`, and the variable `TRADEWIND_JWT_KEY`. */
  readonly name: string;
  readonly kind: Kind;
  /** What stands for the value in the help; in brackets: an option without it has the setting's own name for one. */
  readonly value?: string;
  readonly about: string;
  /** For the help, and the file's schema: what it is when nothing is said. */
  readonly fallback?: string | number | boolean;
  readonly group: string;
}

const setting =
  (group: string) =>
  (name: string, kind: Kind, value: string, about: string, fallback?: string | number | boolean): Setting => ({
    name,
    kind,
    about,
    group,
    ...(value === '' ? {} : { value }),
    ...(fallback === undefined ? {} : { fallback }),
  });

const listening = setting('Where it listens');
const rights = setting('Who may do what');
const events = setting('Where events come from, and are kept');
const streams = setting('Streams');
const operation = setting('Operation');

export const SETTINGS: readonly Setting[] = [
  listening('port', 'number', 'port', 'the TCP port; 0 takes a free one', 8888),
  listening('host', 'text', 'address', 'the address; 0.0.0.0 is every interface, and needs a key', '127.0.0.1'),
  listening('tlsCert', 'text', 'file', 'a certificate, in PEM: makes it HTTPS'),
  listening('tlsKey', 'text', 'file', "the certificate's key, in PEM"),
  listening('http2', 'switch', '', 'HTTP/2 as well; needs TLS', false),
  listening('trustProxy', 'list', 'addresses', 'proxies whose X-Forwarded-For is believed, such as loopback'),

  rights('jwtKey', 'secret', 'key', 'checks tokens: a shared secret, a PEM or a JWK; @file reads one'),
  rights('jwtAlgorithm', 'text', 'name', 'the one algorithm that tokens may have; else those that the key is for'),
  rights(
    'publisherJwtKey',
    'secret',
    'key',
    "checks publishers' tokens, and jwtKey then subscribers' alone; @file reads one",
  ),
  rights('publisherJwtAlgorithm', 'text', 'name', "the one algorithm that publishers' tokens may have"),
  rights('jwks', 'text', 'url', 'where the keys are that check tokens'),
  rights('publishKey', 'secret', 'key', 'lets whoever has it publish on anything; @file reads it'),
  rights(
    'anonymous',
    'switch',
    '',
    'subscribers may come without a token, and get what is public',
    'without a key for tokens',
  ),
  rights('cors', 'list', 'origins', "origins of pages that may subscribe, beside the hub's own; * for any"),
  rights('publishOrigins', 'list', 'origins', 'origins of pages that may publish with a cookie'),
  rights('cookieName', 'text', 'name', 'the cookie with the token', 'mercureAuthorization'),

  events('broker', 'text', 'url', 'redis://…, nats://… or amqp://…: many hubs are one', 'memory'),
  events('data', 'text', 'folder', 'keep events in this folder, over restarts'),
  events('historyCount', 'number', 'events', 'kept of each channel', 200_000),
  events('historyHours', 'number', 'hours', 'how long they are kept', 24),
  events('amqpExchange', 'text', 'name', 'an exchange whose messages are events, with --broker amqp://…'),
  events(
    'stdin',
    'text',
    '[channel]',
    'each line of standard input is an event of this channel, stdin if none is named',
  ),

  streams('heartbeatSeconds', 'number', 'seconds', 'a comment after so long without an event; 0: none', 15),
  streams('gapEvents', 'switch', '', 'tell a subscriber of lost events by event: gap', true),
  streams('presence', 'switch', '', 'tell subscribers with the right who has come and gone', true),
  streams('lean', 'switch', '', 'half the memory for each stream', false),
  streams('compression', 'text', 'none|shared', 'gzip that is made once for all; not for secrets', 'none'),
  streams('slowConsumer', 'text', 'policy', 'disconnect, drop-oldest or latest', 'disconnect'),

  operation('maxConnections', 'number', 'streams', 'open at once; 0: any number', 0),
  operation('maxConnectionsPerAddress', 'number', 'streams', 'open at once from one address; 0: any number', 0),
  operation('maxChannels', 'number', 'channels', 'or topics, of one stream', 100),
  operation('maxBodyBytes', 'number', 'bytes', 'the largest body of a publish', 1_048_576),
  operation('maxPublishesPerSecond', 'number', 'events', 'from one address; 0: any number', 0),
  operation('logLevel', 'text', 'level', 'info has a line for each request; warn, error, silent', 'warn'),
  operation('console', 'switch', '', 'have a page at /console/ that shows what goes on', true),
  operation('metrics', 'switch', '', 'answer Prometheus at /metrics', true),
  operation('graphite', 'text', 'host:port', 'send the subscribers of each channel to Graphite, by UDP'),
  operation('graphiteSeconds', 'number', 'seconds', 'how often', 60),
  operation('graphitePath', 'text', 'name', 'what the metrics begin with', 'tradewind'),
  operation('drainSeconds', 'number', 'seconds', 'over how long streams are ended after SIGTERM', 5),
  operation('app', 'text', 'module', 'a module of yours: export default (hub) => { hub.router.mount(…) }'),
];

/** `jwtKey` → `--jwt-key` */
export function switchOf({ name }: Setting): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `jwtKey` → `--jwt-key <key>`, as the command line is told of it: one that is on by itself can be turned off. */
export function flagOf(setting: Setting): string {
  const { kind, value, fallback } = setting;
  const flag = switchOf(setting);
  if (kind === 'switch') return fallback === true ? flag.replace('--', '--no-') : flag;
  return isValueOptional(setting) ? `${flag} ${value}` : `${flag} <${value}>`;
}

/** Whether a setting may be given without its value, and has its own name for one then. */
export function isValueOptional({ value }: Setting): boolean {
  return value?.startsWith('[') === true;
}

/** `jwtKey` → `TRADEWIND_JWT_KEY` */
export function variableOf({ name }: Setting): string {
  return `TRADEWIND_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
}
