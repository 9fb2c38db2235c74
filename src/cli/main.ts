#!/usr/bin/env node
/** The command line: the only folder that knows the process. */

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { toError } from '../errors.js';
import { benchCommand } from './bench-command.js';
import { publishCommand } from './publish-command.js';
import { serveCommand } from './serve-command.js';
import { tailCommand } from './tail-command.js';
import { tokenCommand } from './token-command.js';
import { printable } from './wording.js';

const manifest = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads has had enough, as `| head` has.
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`✗ The output cannot be written: ${error.message}.\n`);
  process.exit(1);
});

// That is for a person: without one, a command goes on.
process.stderr.on('error', () => {});

const program = new Command('tradewind')
  .description('Tools for Server-Sent Events.')
  .version(version)
  .addCommand(serveCommand())
  .addCommand(publishCommand())
  .addCommand(tailCommand())
  .addCommand(benchCommand())
  .addCommand(tokenCommand());
// Each by itself: those that are added do not inherit it.
for (const command of [program, ...program.commands]) command.showHelpAfterError('(--help says what there is)');

try {
  await program.parseAsync();
} catch (thrown) {
  process.stderr.write(`✗ ${printable(toError(thrown).message)}\n`);
  process.exitCode = 1;
}
