/**
 * docs/options.md, docs/client.md for the client, and docs/hub.md for the hub, against the source: every option with its default, and none that does
 * not exist.
 */

import test from 'ava';
import ts from 'typescript';
import { readPage, readSources, rowsOf } from './pages.js';

interface Option {
  /** Where it is documented. */
  readonly page: string;
  readonly name: string;
  readonly interfaceName: string;
  readonly defaultValue: string | undefined;
}

/** The options of calls, whose types have no interface of their own. */
const OF_CALLS = ['id', 'retry', 'event', 'after', 'drainMs'];
/** Not for users: what the router hands on. */
const INTERNAL = [
  'LogBrokerOptions',
  'ResolvedOptions',
  'LogBrokerOptions',
  'EventStreamParserOptions',
  'StreamReaderOptions',
  'AuthorizerOptions',
  'GraphiteExporterOptions',
  'HubCoreOptions',
  'HubLinkOptions',
  'HubMetricsOptions',
  'MetricsHandlerOptions',
  'ReadyHandlerOptions',
  'RemoteKeysOptions',
  'ResolvedHubOptions',
  'TokenVerifierOptions',
  'LoadConnectionOptions',
  'LoadOptions',
  'TailOptions',
  'TailReportOptions',
];
const PAGES = ['docs/options.md', 'docs/client.md', 'docs/hub.md'] as const;

/** Every member of every exported interface that is named for options. */
function options(): Option[] {
  const found: Option[] = [];
  for (const [name, text] of readSources()) {
    // What its handlers are mounted with, by itself alone.
    if (name.startsWith('src/hub/console/')) continue;
    const page = name.startsWith('src/client/') ? PAGES[1] : name.startsWith('src/hub/') ? PAGES[2] : PAGES[0];
    const source = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
    for (const statement of source.statements) {
      if (!ts.isInterfaceDeclaration(statement)) continue;
      const interfaceName = statement.name.text;
      const isExported = statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
      if (
        !isExported ||
        !/Options$|^Limits$|^Hub(Limits|Hooks)$/.test(interfaceName) ||
        INTERNAL.includes(interfaceName)
      )
        continue;
      for (const member of statement.members) {
        const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === 'defaultValue');
        const defaultValue = ts.getTextOfJSDocComment(tag?.comment);
        found.push({ page, name: member.name?.getText(source) ?? '', interfaceName, defaultValue });
      }
    }
  }
  return found;
}

/** A page's tables of options. */
function rowsOn(page: string): string[][] {
  return rowsOf(readPage(page)).filter(([name = '']) => page === PAGES[0] || /^`\w+`$/.test(name));
}

const nameIn = (row: string[]) => /^`(\w+)`$/.exec(row[0] ?? '')?.[1];

test('options: each interface of the source is looked at', (t) => {
  // A file that was moved, or an interface that was renamed, would leave nothing to miss.
  const interfaces = new Set(options().map(({ interfaceName }) => interfaceName));
  for (const name of ['ConnectionOptions', 'MountOptions', 'Limits', 'RouterOptions', 'ListenOptions', 'CorsOptions']) {
    t.true(interfaces.has(name), name);
  }
  for (const name of [
    'MemoryBrokerOptions',
    'RedisBrokerOptions',
    'StreamEventsOptions',
    'RetryOptions',
    'EventSourceOptions',
  ]) {
    t.true(interfaces.has(name), name);
  }
});

for (const page of PAGES) {
  const rows = rowsOn(page);
  const found = options().filter((option) => option.page === page);

  test(`${page}: names each option of the source`, (t) => {
    const documented = new Set(rows.map(nameIn));
    t.deepEqual(
      found.filter(({ name }) => !documented.has(name)),
      [],
    );
  });

  test(`${page}: names no option that does not exist`, (t) => {
    const existing = new Set([
      ...found.map(({ name }) => name),
      ...(page === PAGES[0] ? [...OF_CALLS, 'methods'] : []),
    ]);
    t.deepEqual(
      rows.map(nameIn).filter((name) => name === undefined || !existing.has(name)),
      [],
    );
  });

  test(`${page}: has the default of each option that is a number, a string or a boolean`, (t) => {
    for (const { name, interfaceName, defaultValue } of found) {
      const literal = /^(\d+|`?'[^']*'`?|false|true)/.exec(defaultValue ?? '')?.[0].replaceAll('`', '');
      if (literal === undefined) continue;
      const defaults = rows.filter((row) => nameIn(row) === name).map((row) => row[2]);
      t.true(defaults.includes(`\`${literal}\``), `${interfaceName}.${name}: ${literal}, but documented ${defaults}`);
    }
    t.true(found.filter(({ defaultValue }) => defaultValue !== undefined).length > 8);
  });
}
