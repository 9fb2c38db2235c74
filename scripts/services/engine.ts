/** The engines that brokers stand on. */
export type EngineName = 'redis' | 'nats' | 'rabbitmq';

/** What a spec or a bench may ask of an engine. */
export interface ServiceOptions {
  /**
   * Configuration beside ours, or instead of it, in the engine's own words: directives of `redis.conf` (an array gives one
   * line for each item), keys of NATS' configuration, keys of `rabbitmq.conf`.
   */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Who may connect. @defaultValue anyone; with RabbitMQ, `guest` */
  readonly user?: string;
  /** With this password. @defaultValue none; with RabbitMQ, `guest` */
  readonly password?: string;
  /** How long a start, and an end that is asked for kindly, may take, in milliseconds. @defaultValue 60_000 */
  readonly timeoutMs?: number;
}

/** A program to run, and how. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What is to be run for one service. */
export interface Launch {
  /** Where clients connect. */
  readonly url: string;
  readonly program: Program;
  /** A program that is started before the engine, outlives its restarts, and is stopped with the service. */
  readonly companion?: Program;
}

/** One kind of engine: where it is found, how it is configured, and how it says that it is ready. */
export interface Engine {
  /** As people write it. */
  readonly title: string;
  /** The program, and Debian's package that has it. */
  readonly binary: string;
  readonly debianPackage: string;
  /** The environment variable that carries its URL. */
  readonly variable: string;
  /** Folders that come before the path. */
  readonly folders?: readonly string[];
  /** How many ports it needs. The first is for clients. */
  readonly portCount: number;
  /** Writes the configuration below `folder`, and keeps the data in `folder/data`, which exists. */
  configure(binary: string, folder: string, ports: readonly number[], options: ServiceOptions): Launch;
  /** Asks it once, as a client would, and rejects unless it serves. */
  ping(url: string): Promise<void>;
}

/** A URL on the loopback interface, with who connects. */
export function urlOf(scheme: string, port: number, { user, password }: ServiceOptions): string {
  const url = new URL(`${scheme}://127.0.0.1:${port}`);
  url.username = encodeURIComponent(user ?? '');
  url.password = encodeURIComponent(password ?? '');
  return url.href;
}
