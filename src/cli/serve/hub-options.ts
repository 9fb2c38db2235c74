import { readFileSync } from 'node:fs';
import { quote, toError } from '../../errors.js';
import { HubLogger } from '../../hub/hub-logger.js';
import type { HubOptions } from '../../hub/hub-options.js';
import type { OptionFaults } from '../../option-faults.js';
import { withoutUndefined } from '../../routing/options.js';
import type { Values } from './read-settings.js';

const LEVELS = ['silent', 'error', 'warn', 'info'] as const;

/** The settings, but for the broker, in the words of {@link HubOptions}. What is missing is left to the hub. */
export function hubOptions(values: Values, faults: OptionFaults): HubOptions {
  const numberOf = (name: string) => values[name] as number | undefined;
  const textOf = (name: string) => values[name] as string | undefined;
  const switchOf = (name: string) => values[name] as boolean | undefined;
  const listOf = (name: string) => values[name] as readonly string[] | undefined;
  const heartbeat = numberOf('heartbeatSeconds');
  return withoutUndefined({
    port: numberOf('port') ?? 8888,
    host: textOf('host'),
    tls: readTls(textOf('tlsCert'), textOf('tlsKey'), faults),
    http2: switchOf('http2'),
    trustProxy: listOf('trustProxy'),
    jwtKey: readKey('jwtKey', 'jwtAlgorithm', values, faults),
    publisherJwtKey: readKey('publisherJwtKey', 'publisherJwtAlgorithm', values, faults),
    jwksUrl: textOf('jwks'),
    publishKey: textOf('publishKey'),
    anonymous: switchOf('anonymous'),
    cors: listOf('cors')?.includes('*') ? '*' : listOf('cors'),
    publishOrigins: listOf('publishOrigins'),
    cookieName: textOf('cookieName'),
    gapEvents: switchOf('gapEvents'),
    presence: switchOf('presence'),
    maxBodyBytes: numberOf('maxBodyBytes'),
    console: switchOf('console'),
    metrics: switchOf('metrics'),
    graphite: readGraphite(values, faults),
    logger: readLogger(textOf('logLevel') ?? 'warn', faults),
    streams: withoutUndefined({
      heartbeatMs: heartbeat === undefined ? undefined : heartbeat * 1_000,
      lean: switchOf('lean'),
      compression: textOf('compression'),
      slowConsumer: textOf('slowConsumer'),
    }) as NonNullable<HubOptions['streams']>,
    limits: withoutUndefined({
      connections: numberOf('maxConnections'),
      connectionsPerAddress: numberOf('maxConnectionsPerAddress'),
      topicsPerConnection: numberOf('maxChannels'),
      publishesPerSecond: numberOf('maxPublishesPerSecond'),
    }),
  }) as HubOptions;
}

function readKey(
  keyName: string,
  algorithmName: string,
  { [keyName]: key, [algorithmName]: algorithm }: Values,
  faults: OptionFaults,
): HubOptions['jwtKey'] {
  if (algorithm !== undefined && key === undefined) faults.add(`${algorithmName} needs ${keyName}`);
  if (key === undefined) return undefined;
  return algorithm === undefined ? `${key}` : { key: `${key}`, algorithm: `${algorithm}` };
}

function readTls(cert: string | undefined, key: string | undefined, faults: OptionFaults): HubOptions['tls'] {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    faults.add('tlsCert and tlsKey need each other');
    return undefined;
  }
  try {
    return { cert: readFileSync(cert), key: readFileSync(key) };
  } catch (thrown) {
    faults.add(toError(thrown).message);
    return undefined;
  }
}

function readGraphite(
  { graphite, graphiteSeconds = 60, graphitePath }: Values,
  faults: OptionFaults,
): HubOptions['graphite'] {
  if (graphite === undefined) return undefined;
  const [, host = '', port = ''] = /^\[?(.+?)\]?:(\d+)$/.exec(`${graphite}`) ?? [];
  if (host === '') {
    faults.add(`graphite ${quote(graphite)} is not host:port`);
    return undefined;
  }
  const path = graphitePath === undefined ? {} : { path: `${graphitePath}` };
  return { host, port: Number(port), intervalMs: Number(graphiteSeconds) * 1_000, ...path };
}

function readLogger(level: string, faults: OptionFaults): HubLogger | undefined {
  const known = LEVELS.find((each) => each === level);
  if (known !== undefined) return new HubLogger({ level: known });
  faults.add(`logLevel ${quote(level)} is not one of ${LEVELS.join(', ')}`);
  return undefined;
}
