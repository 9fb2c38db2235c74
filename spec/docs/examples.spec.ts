/** Every TypeScript block of the documentation compiles, as a user's file would. */

import { existsSync } from 'node:fs';
import test from 'ava';
import ts from 'typescript';
import { filesBelow, pathOf, readPage } from './pages.js';

interface Example {
  /** Where it stands, such as `docs/http.md:12`. */
  readonly place: string;
  readonly code: string;
  /** What comes after `ts` on the opening line, such as `ignore: a sketch`. */
  readonly note: string;
}

const pages = [...filesBelow('docs', '.md'), ...['README.md'].filter((name) => existsSync(pathOf(name)))];

function examplesOf(page: string): Example[] {
  const text = readPage(page);
  return [...text.matchAll(/^```(?:ts|typescript)\b *([^\n]*)\n(.*?)^```$/gms)].map(
    ({ index, 1: note = '', 2: code = '' }) => {
      const line = text.slice(0, index).split('\n').length;
      // The lines before it are kept, so that a diagnostic names the page's own line.
      return { place: `${page}:${line}`, note, code: '\n'.repeat(line) + code };
    },
  );
}

/** What an example of a comment may use without saying where it comes from. */
const PRELUDE = [
  "import { DataStore, encodeEvent, EventSourceHandler, MemoryBroker, QueueStore, RequestHandler, Router, StoreHandler } from 'tradewind';",
  "import { EventSource, EventStreamDecoder, EventStreamParser, json, parseEvents, streamEvents } from 'tradewind/client';",
  "import { ClusterBroker, inWorkers } from 'tradewind/cluster';",
  "import { Hub, hubLink } from 'tradewind/hub';",
  "import { LmdbBroker } from 'tradewind/lmdb';",
  "import { NatsBroker } from 'tradewind/nats';",
  "import { AmqpBroker } from 'tradewind/amqp';",
  "import { brokerContract, connect } from 'tradewind/testing';",
  "import { RedisBroker } from 'tradewind/redis';",
  "import test from 'node:test';",
  'declare const router: Router;',
  'declare class DogeHandler extends EventSourceHandler {}',
].join(' ');

/** The examples of a source file's comments. Each is a block of its own, so that it may declare what the prelude has. */
function examplesOfComments(file: string): Example[] {
  const text = readPage(file);
  return [...text.matchAll(/@example\n((?: *\*[^\n/]*(?:\/[^\n]*)?\n)*? *\* ```\n)/g)].map(
    ({ index, 1: comment = '' }) => {
      const line = text.slice(0, index).split('\n').length;
      const lines = comment.split('\n').map((each) => each.replace(/^ *\* ?/, ''));
      const code = lines.slice(1, lines.lastIndexOf('```')).join('\n');
      return { place: `${file}:${line}`, note: '', code: `${'\n'.repeat(line + 1)}${PRELUDE} { ${code}\n}` };
    },
  );
}

/** The project's own options, without those that are a matter of taste: an example may declare what it does not use. */
function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(pathOf('tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, pathOf(''));
  return {
    ...options,
    noUnusedLocals: false,
    noUnusedParameters: false,
    noImplicitOverride: false,
    paths: {
      tradewind: [pathOf('src/index.ts')],
      'tradewind/amqp': [pathOf('src/channel/amqp/amqp-broker.ts')],
      'tradewind/cluster': [pathOf('src/server/cluster.ts')],
      'tradewind/client': [pathOf('src/client/index.ts')],
      'tradewind/hub': [pathOf('src/hub/index.ts')],
      'tradewind/lmdb': [pathOf('src/channel/lmdb/lmdb-broker.ts')],
      'tradewind/nats': [pathOf('src/channel/nats/nats-broker.ts')],
      'tradewind/testing': [pathOf('src/testing/index.ts')],
      'tradewind/redis': [pathOf('src/channel/redis/redis-broker.ts')],
    },
  };
}

/** Compiles all of them at once: the types of Node and of the framework are read only once. */
function diagnosticsOf(examples: readonly Example[]): Map<string, string[]> {
  const options = compilerOptions();
  const host = ts.createCompilerHost(options);
  // Within the repository, so that they are ES modules and find its packages; they are never written.
  const files = new Map(
    examples.map(({ place, code }) => [pathOf(`${place.replace(/[^\w]/g, '-')}.ts`), { place, code }]),
  );
  const { fileExists, getSourceFile, readFile } = host;
  host.fileExists = (name) => files.has(name) || fileExists.call(host, name);
  host.readFile = (name) => files.get(name)?.code ?? readFile.call(host, name);
  host.getSourceFile = (name, ...rest) => {
    const code = files.get(name)?.code;
    return code === undefined ? getSourceFile.call(host, name, ...rest) : ts.createSourceFile(name, code, rest[0]);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  const found = new Map<string, string[]>();
  for (const [name, { place }] of files) {
    const source = program.getSourceFile(name);
    const diagnostics = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    if (diagnostics.length > 0)
      found.set(
        place,
        diagnostics.map((diagnostic) => describe(place, diagnostic)),
      );
  }
  return found;
}

function describe(place: string, { file, start, messageText }: ts.Diagnostic): string {
  const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
  return `${place.replace(/:\d+$/, `:${line}`)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
}

const all = pages.flatMap(examplesOf);
const compiled = all.filter(({ note }) => !note.startsWith('ignore'));

test('examples: compile, in every page', (t) => {
  t.timeout(100_000);
  t.true(compiled.length > 10);
  t.deepEqual([...diagnosticsOf(compiled).values()].flat(), []);
});

test('examples: compile, in every comment of the source', (t) => {
  t.timeout(100_000);
  const examples = filesBelow('src', '.ts').flatMap(examplesOfComments);
  const count = filesBelow('src', '.ts').map((file) => readPage(file).split('@example').length - 1);
  t.is(
    examples.length,
    count.reduce((sum, each) => sum + each),
  );
  t.deepEqual([...diagnosticsOf(examples).values()].flat(), []);
});

test('examples: the check finds what is wrong, and where', (t) => {
  t.timeout(100_000);
  const code = "\n\nimport { Router } from 'tradewind';\nnew Router({ heartbeatMs: 'often' });\n";
  const found = diagnosticsOf([{ place: 'docs/none.md:2', note: '', code }]);
  t.regex(
    found.get('docs/none.md:2')?.join() ?? '',
    /^docs\/none\.md:4: Type 'string' is not assignable to type 'number/,
  );
});

test('examples: one that is not compiled says why', (t) => {
  for (const { place, note } of all) {
    if (note !== '') t.regex(note, /^ignore: .{10,}/, place);
  }
  t.pass();
});

test('pages: links within the repository lead somewhere', (t) => {
  for (const page of [...pages, 'CONTRIBUTING.md', 'SECURITY.md']) {
    const folder = page.includes('/') ? page.slice(0, page.lastIndexOf('/') + 1) : '';
    for (const [link, target = ''] of readPage(page).matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : folder + path;
      t.true(existsSync(pathOf(file)), `${page}: ${link}`);
      if (anchor !== undefined) t.true(anchorsOf(file).includes(anchor), `${page}: ${link}`);
    }
  }
});

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  return [...readPage(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
