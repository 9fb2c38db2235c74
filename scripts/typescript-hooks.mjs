// What `typescript.mjs` has Node's loader do: a file is given to ts-node once, and what came of it is kept until the file changes.
// Each spec file has a process or a thread of its own, which would load TypeScript, and strip the same files, for most of its time.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const root = new URL('../', import.meta.url);
const cache = new URL('node_modules/.cache/typescript/', root);

/** All that decides what comes of a file, beside what is in it. */
const setting = [
  require('typescript/package.json').version,
  require('ts-node/package.json').version,
  readFileSync(new URL('tsconfig.json', root), 'utf8'),
].join('\n');

/** @type {import('node:module').ResolveHook} */
export async function resolve(specifier, context, next) {
  if (/^(\.{0,2}\/|file:).*\.js$/.test(specifier) && URL.canParse(specifier, context.parentURL)) {
    const typed = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(typed)) return next(typed.href, context);
  }
  return next(specifier, context);
}

/** @type {import('node:module').LoadHook} */
export async function load(url, context, next) {
  if (!/^file:.*\.ts$/.test(url) || url.includes('/node_modules/')) return next(url, context);
  const path = fileURLToPath(url);
  const version = hashOf(`${setting}\n${readFileSync(path, 'utf8')}`);
  const kept = fileURLToPath(new URL(hashOf(path), cache));
  let source = read(kept, version);
  if (source === null) {
    const tsNode = await import('ts-node/esm');
    ({ source } = await tsNode.load(url, { ...context, format: 'module' }, next));
    keep(kept, version, source);
  }
  return { format: 'module', source, shortCircuit: true };
}

/** @returns what came of this version of a file; null: that is not known. */
function read(kept, version) {
  try {
    const text = readFileSync(kept, 'utf8');
    return text.startsWith(`${version}\n`) ? text.slice(version.length + 1) : null;
  } catch {
    return null;
  }
}

function keep(kept, version, source) {
  try {
    mkdirSync(cache, { recursive: true });
    // Others may be writing, and reading, the same.
    const draft = `${kept}.${randomUUID()}`;
    writeFileSync(draft, `${version}\n${source}`);
    renameSync(draft, kept);
  } catch {
    // A checkout that nobody may write to is stripped anew each time.
  }
}

function hashOf(text) {
  return createHash('sha256').update(text).digest('hex');
}
