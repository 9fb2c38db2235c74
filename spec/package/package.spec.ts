import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const bin = (name: string) => join(root, 'node_modules/.bin', name);

const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

/** What a page does with the client: the types are the browser's. */
const PAGE = `
import { EventSource, json, streamEvents } from 'tradewind/client';
interface Events { tick: { price: number }; note: string }
const source = new EventSource<Events>('/prices', { headers: { 'X-Token': 'x' }, signal: new AbortController().signal });
source.addEventListener('tick', (event) => json(event).price.toFixed());
source.addEventListener('note', ({ data }) => data.trim(), { once: true });
source.addEventListener('open', () => source.close());
source.onmessage = (event) => event.data.trim();
for await (const event of streamEvents<Events>('/prices', { body: new FormData(), method: 'POST' })) {
  if (event.type === 'tick') json(event).price.toFixed();
  else event.data.trim();
}
export {};
`;

async function packed(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), 'tradewind-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
  });
  const [{ filename, files }] = JSON.parse(stdout);
  return {
    folder,
    tarball: join(folder, filename),
    files: files.map(({ path }: { path: string }) => path) as string[],
  };
}

test('package: holds what a user needs and nothing else', async (t) => {
  const { files } = await packed(t);
  t.true(
    files.includes('dist/index.js') && files.includes('dist/index.d.ts') && files.includes('dist/testing/index.js'),
  );
  t.true(['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json'].every((file) => files.includes(file)));
  const prebuild = `prebuilds/${process.platform}-${process.arch}/send-all.node`;
  t.is(files.includes(prebuild), existsSync(join(root, prebuild)));
  t.deepEqual(
    files.filter(
      (file) =>
        !/^(dist\/.+\.(js|d\.ts|map)|dist\/hub\/console\/page\/\w+\.(css|html|svg)|prebuilds\/linux-(x64|arm64)\/send-all\.node|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/.test(
          file,
        ),
    ),
    [],
  );
});

test('package: satisfies publint and arethetypeswrong', async (t) => {
  const { tarball } = await packed(t);
  await t.notThrowsAsync(run(bin('publint'), ['run', tarball, '--strict']));
  await t.notThrowsAsync(run(bin('attw'), [tarball, '--profile', 'esm-only']));
});

test('package: streams and type-checks in an empty project, from the packed file', async (t) => {
  const { folder, tarball } = await packed(t);
  const options = { cwd: folder };
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const [first = ''] = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code ?? '');
  const program = first
    .replace('port: 8888', 'port: 0')
    .concat(
      "const { connect } = await import('tradewind/testing');\n",
      "const { parseEvents } = await import('tradewind/client');\n",
      "const client = await connect(server, '/doge/shiba?token=x');\n",
      'console.log(parseEvents("data: wow\\n\\n")[0]?.data);\n',
      'console.log((await client.next()).data, (await connect(server, "/doge/shiba")).status);\n',
      'await client.close();\nawait server.close();\n',
      "const { Hub } = await import('tradewind/hub');\n",
      'const hub = new Hub();\nawait hub.listen();\n',
      "for (const path of ['/console/', '/console/uplot/uPlot.min.css', '/tradewind.js']) console.log((await fetch(hub.url + path)).status);\n",
      'await hub.close();\n',
    );
  await writeFile(join(folder, 'doge.ts'), program);
  await writeFile(join(folder, 'page.ts'), PAGE);
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball], options);
  const typescript = ['--module', 'nodenext', '--target', 'es2022', '--strict', '--types', 'node', '--typeRoots'];
  await t.notThrowsAsync(
    run(bin('tsc'), [...typescript, join(root, 'node_modules/@types'), '--rootDir', '.', 'doge.ts'], options),
    'the declarations, and the first example of the README, compile without skipLibCheck',
  );
  const compilerOptions = {
    module: 'nodenext',
    strict: true,
    noEmit: true,
    lib: ['esnext', 'dom', 'dom.iterable'],
    types: [],
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['page.ts'] }));
  await t.notThrowsAsync(
    run(bin('tsc'), ['-p', '.'], options),
    "the client's declarations compile for a page, without the types of Node and without skipLibCheck",
  );
  t.is((await run(process.execPath, ['node_modules/.bin/tradewind', '--version'], options)).stdout, `${version}\n`);
  const { stdout } = await run(process.execPath, ['doge.js'], options);
  t.is(stdout, 'wow\nmuch shiba, very connection 403\n200\n200\n200\n');
});
