/**
 * `tradewind token`: makes and checks the tokens of a hub. What signs and checks is imported when it is needed: the other
 * commands start without it.
 */

import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { HttpError, quote, toError } from '../errors.js';
import { collect, durationSeconds, json } from './option-values.js';
import { claimsInWords, suspicionsOf, suspicionsOfKey } from './token-report.js';
import { printable } from './wording.js';

interface KeyFlags {
  key?: string;
  algorithm?: string;
}

interface CreateFlags extends KeyFlags {
  publish?: string[];
  subscribe?: string[];
  payload?: unknown;
  expires?: number;
}

interface CheckFlags extends KeyFlags {
  jwks?: string;
}

const KEYS = `
A key is a shared secret, a PEM or a JWK; "@file" reads it from a file, without its last line break, and "-" from standard
input. On a command line, others on the machine can see it: rather use a file, or TRADEWIND_JWT_KEY.`;

const CREATE_HELP = `${KEYS}

A selector is a topic, a URI template such as https://example.com/books/{id}, or "*" for every topic.

Examples:
  For the application that publishes, for a month:
  $ tradewind token create --key @secret.txt --publish '*' --expires 30d
  For a browser, which may read the private updates of one user for an hour:
  $ tradewind token create --key @private.pem --subscribe 'https://example.com/users/7/{any}' --expires 1h
  To publish with it:
  $ TOKEN=$(tradewind token create --publish '*' --expires 5m)
  $ curl -H "Authorization: Bearer $TOKEN" -d topic=https://example.com/books/1 -d data=hi http://127.0.0.1:8888/.well-known/mercure`;

const CHECK_HELP = `${KEYS}
The token too may be "@file" or "-"; a "Bearer" before it does not matter.

Examples:
  $ tradewind token check eyJhbGciOi… --key @secret.txt
  $ tradewind token check eyJhbGciOi… --jwks https://login.example/.well-known/jwks.json
  $ tradewind token create --publish '*' | tradewind token check -

Ends with status 0 when a hub with this key accepts it, and with 1, and the reason, when it refuses it.`;

const NO_KEY = 'error: there is no key. Give --key, or set TRADEWIND_JWT_KEY; --jwks is enough for a check.';

export function tokenCommand(): Command {
  return new Command('token')
    .description('Make and check the tokens that a hub asks publishers and subscribers for.')
    .addCommand(createCommand())
    .addCommand(checkCommand());
}

function createCommand(): Command {
  return new Command('create')
    .description('Print a token, signed with a secret or a private key.')
    .addOption(keyOption('what to sign with'))
    .option('--algorithm <name>', 'such as HS512 or PS256; the default is the usual one of the key')
    .option('--publish <selector>', 'let it publish on these topics; may be given again', collect)
    .option('--subscribe <selector>', 'let it read private updates of these topics; may be given again', collect)
    .option('--payload <json>', 'what the hub is to tell of whoever subscribes with it', json)
    .option('--expires <time>', 'when it ends: 90s, 30m, 1h, 7d or a number of seconds; else never', durationSeconds)
    .addHelpText('after', CREATE_HELP)
    .action(create);
}

function checkCommand(): Command {
  return new Command('check')
    .description('Say what a token grants, or why it is refused.')
    .argument('<token>', 'the JWT')
    .addOption(keyOption('what it is to be signed with'))
    .option('--algorithm <name>', 'accept this one alone')
    .option('--jwks <url>', "check with the keys of an issuer's JWK Set")
    .addHelpText('after', CHECK_HELP)
    .action(check);
}

function keyOption(description: string): Option {
  return new Option('--key <key>', description).env('TRADEWIND_JWT_KEY');
}

async function create(flags: CreateFlags, command: Command): Promise<void> {
  const key = textOf(flags.key ?? command.error(NO_KEY), command);
  const { publish = [], subscribe = [], payload, expires } = flags;
  const { TokenSigner } = await import('../hub/authorization/token-signer.js');
  const signer = new TokenSigner({ key, algorithm: flags.algorithm });
  // Whole seconds: not everyone who checks tokens takes a fraction.
  const expiresAt = expires === undefined ? null : Math.ceil(Date.now() / 1_000 + expires) * 1_000;
  const grant = { publish, subscribe, payload, expiresAt };
  process.stdout.write(`${await signer.sign(grant)}\n`);
  warn([...suspicionsOf(grant), ...suspicionsOfKey(key)]);
}

async function check(argument: string, flags: CheckFlags, command: Command): Promise<void> {
  if (flags.key === undefined && flags.jwks === undefined) command.error(NO_KEY);
  if (argument === '-' && flags.key === '-')
    command.error('error: "-" is both the token and the key. Use a file for one.');
  const key = flags.key === undefined ? undefined : textOf(flags.key, command);
  const { TokenVerifier } = await import('../hub/authorization/token-verifier.js');
  const verifier = new TokenVerifier({
    jwtKey: key === undefined ? undefined : { key, algorithm: flags.algorithm },
    jwksUrl: flags.jwks,
  });
  const token = textOf(argument, command)
    .trim()
    .replace(/^Bearer +/i, '');
  try {
    const claims = await verifier.verify(token);
    process.stdout.write(`✓ Accepted.\n${claimsInWords(claims, Date.now())}`);
    warn([...suspicionsOf(claims), ...(key === undefined ? [] : suspicionsOfKey(key))]);
  } catch (thrown) {
    if (!(thrown instanceof HttpError)) throw thrown;
    process.stderr.write(refusalInWords(thrown));
    process.exitCode = 1;
  }
}

function refusalInWords({ status, reason = '', log }: HttpError): string {
  if (status !== 401) return `✗ Not checked: ${printable(log ?? reason)}.\n`;
  const hint = reason.startsWith('signature')
    ? 'A secret is compared byte for byte: look for a line break at its end, or base64 that one side decodes.\n'
    : '';
  return `✗ Refused: ${printable(reason)}.\n${hint}`;
}

function warn(suspicions: readonly string[]): void {
  for (const suspicion of suspicions) process.stderr.write(`! ${suspicion}\n`);
}

/** The value itself, or what is in `@file` or on standard input. Editors and `echo` end it with a line break. */
function textOf(value: string, command: Command): string {
  if (value !== '-' && !value.startsWith('@')) return value;
  try {
    return readFileSync(value === '-' ? 0 : value.slice(1), 'utf8').replace(/\r?\n$/, '');
  } catch (thrown) {
    const place = value === '-' ? 'standard input' : quote(value.slice(1));
    return command.error(`error: ${place} cannot be read: ${toError(thrown).message}`);
  }
}
