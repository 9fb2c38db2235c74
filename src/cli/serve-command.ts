/** `tradewind serve`: the options of its command line. */

import { Command, Option } from 'commander';
import { flagOf, SETTINGS, type Setting, switchOf } from './serve/settings.js';

const EXAMPLES = `
Every option is an environment variable as well, TRADEWIND_JWT_KEY for --jwt-key, and a name in the file of --config, jwtKey. The option
wins, then the variable.

Examples:
  To try it; whoever is on this machine may publish and subscribe:
  $ tradewind serve
  $ curl -N 'http://127.0.0.1:8888/?channels=news'
  $ curl -d channel=news -d data=hello http://127.0.0.1:8888/publish
  For clients of Mercure, at /.well-known/mercure; tradewind token makes tokens:
  $ tradewind serve --host 0.0.0.0 --jwt-key @secret.txt --anonymous --cors https://shop.example
  A log in the browser:
  $ tail -F /var/log/syslog | tradewind serve --stdin syslog
  Events that outlive the process; many hubs that are one:
  $ tradewind serve --data /var/lib/tradewind
  $ tradewind serve --broker redis://127.0.0.1:6379`;

export function serveCommand(): Command {
  const command = new Command('serve').description('Run the hub: publish over HTTP, subscribe to event streams.');
  for (const setting of SETTINGS) {
    const option = new Option(flagOf(setting), aboutOption(setting));
    command.addOption(option.helpGroup(setting.group));
    // Who says so although it is so anyway is not wrong.
    if (setting.fallback === true) command.addOption(new Option(switchOf(setting)).helpGroup(setting.group).hideHelp());
  }
  return (
    command
      .addOption(new Option('--config <file>', 'read settings from a file, JSON or YAML').helpGroup('Settings'))
      .addOption(new Option('--print-schema', "print the file's JSON Schema, and end").helpGroup('Settings'))
      .addHelpText('after', EXAMPLES)
      // Only now: the other commands start without a hub.
      .action(async (_flags: object, command: Command) => (await import('./serve/run-serve.js')).runServe(command))
  );
}

function aboutOption({ about, fallback }: Setting): string {
  if (fallback === true) return `do not ${about}`;
  return fallback === undefined || fallback === false ? about : `${about} (default: ${fallback})`;
}
