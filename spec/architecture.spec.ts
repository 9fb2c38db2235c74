import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

/**
 * The layers, lowest first: a file may import from its own layer and from those below. `client` and `testing` stand beside
 * them and are imported by none but the command line; `testing` sees all of them, `client` the lowest alone.
 */
const LAYERS = [
  [
    'accepted.ts',
    'body-decoders.ts',
    'errors.ts',
    'clock.ts',
    'logger.ts',
    'one-at-a-time.ts',
    'option-faults.ts',
    'warning.ts',
  ],
  ['event-stream'],
  ['client'],
  ['channel', 'store'],
  ['connection'],
  ['handler'],
  ['routing'],
  ['server'],
  ['index.ts'],
  ['testing'],
  ['hub'],
  ['cli'],
];
/** Who may import a package, where not everyone may: what the paths begin with. */
const KEEPERS: Record<string, string> = {
  inversify: 'routing/',
  '@inversifyjs/plugin': 'routing/',
  'reflect-metadata': 'routing/',
  commander: 'cli/',
  jose: 'hub/',
  pino: 'hub/',
  'prom-client': 'hub/',
  'rate-limiter-flexible': 'hub/',
  re2js: 'hub/',
  sirv: 'hub/',
  yaml: 'cli/',
  redis: 'channel/redis/',
  lmdb: 'channel/lmdb/',
  '@nats-io/transport-node': 'channel/nats/',
  '@nats-io/jetstream': 'channel/nats/',
  amqplib: 'channel/amqp/',
};
/** What also runs in a browser. */
const WITHOUT_NODE = ['client/index.ts', 'hub/browser/tradewind.ts'];
/** What of the client runs in Node alone. */
const WITH_NODE = ['client/node.ts', 'client/http-fetch.ts', 'client/http-body.ts', 'body-decoders.ts'];

const src = fileURLToPath(new URL('../src/', import.meta.url));

interface Import {
  /** The importing file, from src/. */
  readonly from: string;
  /** A file, from src/, or a package. */
  readonly to: string;
  readonly isLocal: boolean;
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const imports: Import[] = files.flatMap((from) => {
  const text = readFileSync(join(src, from), 'utf8');
  const specifiers = [...text.matchAll(/\bfrom '([^']+)';|^import '([^']+)';|\bimport\('([^']+)'\)/gm)];
  return specifiers.map((found) => {
    const specifier = found.slice(1).find((group) => group !== undefined) ?? '';
    const isLocal = specifier.startsWith('.');
    const target = normalize(join(dirname(from), specifier)).replace(/\.js$/, '.ts');
    return { from, to: isLocal ? target : specifier, isLocal };
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*.*?\*\//gs, '');
}

function layerOf(file: string): number {
  const place = file.split('/')[0] ?? '';
  return LAYERS.findIndex((layer) => layer.includes(place));
}

test('architecture: every file has a layer', (t) => {
  t.true(files.length > 20);
  t.deepEqual(
    files.filter((file) => layerOf(file) === -1),
    [],
  );
});

test('architecture: imports point down, never up', (t) => {
  const local = imports.filter(({ isLocal }) => isLocal);
  t.true(local.length > 50);
  const upward = local.filter(({ from, to }) => layerOf(to) > layerOf(from) || layerOf(to) === -1);
  t.deepEqual(upward, []);
});

test('architecture: nothing but the command line imports the client', (t) => {
  const within = imports.filter(
    ({ from, to, isLocal }) => isLocal && layerOf(to) === layerOf('client') && !/^(client|cli)\//.test(from),
  );
  t.deepEqual(within, []);
});

test('architecture: a package that has a keeper is imported nowhere else', (t) => {
  const astray = imports.filter(({ from, to }) => to in KEEPERS && !from.startsWith(KEEPERS[to] ?? ''));
  t.deepEqual(astray, []);
});

test('architecture: what runs in a browser imports nothing of Node', (t) => {
  const reached = new Set(WITHOUT_NODE);
  for (const file of reached) {
    for (const { to, isLocal } of imports.filter(({ from }) => from === file)) {
      t.true(isLocal, `${file} imports ${to}`);
      reached.add(to);
    }
  }
});

test("architecture: the client's entry for Node adds what imports Node, and nothing else", (t) => {
  const reached = new Set(['client/node.ts']);
  for (const file of reached) {
    for (const { to, isLocal } of imports.filter(({ from }) => from === file)) {
      if (isLocal) reached.add(to);
      else t.true(WITH_NODE.includes(file) && to.startsWith('node:'), `${file} imports ${to}`);
    }
  }
  t.true(WITH_NODE.every((file) => reached.has(file)));
});

test('architecture: nothing but the command line touches the process or the console', (t) => {
  const others = files.filter((file) => layerOf(file) !== layerOf('cli'));
  const found = others.filter((file) =>
    /(?<!-)\bconsole\.|process\.(exit|argv|env)\b/.test(withoutComments(readFileSync(join(src, file), 'utf8'))),
  );
  t.deepEqual(found, []);
});

test('architecture: every spec mirrors a folder of src, or a part of the project', (t) => {
  const spec = fileURLToPath(new URL('.', import.meta.url));
  const places = readdirSync(spec, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  const known = [...LAYERS.flat(), 'support', 'samples', 'docs', 'package', 'scripts', 'bench'];
  t.deepEqual(
    places.filter((place) => !known.includes(place)),
    [],
    relative(src, spec),
  );
});
