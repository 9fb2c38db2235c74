/** From what was given, wherever, to one set of values, or to all that is wrong with it at once. */

import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { quote, toError } from '../../errors.js';
import { OptionFaults } from '../../option-faults.js';
import { isValueOptional, type Kind, SETTINGS, type Setting, switchOf, variableOf } from './settings.js';

/** By the settings' names; what was not given is not there. */
export type Values = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface Given {
  /** As the command line had them: texts, and booleans for switches. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file that `--config` names. */
  readonly file?: string | undefined;
}

/**
 * Reads settings: an option wins over a variable, and that over the file.
 *
 * @param faults - gets all that is wrong.
 */
export function readSettings({ flags, environment, file }: Given, faults: OptionFaults): Values {
  const inFile = file === undefined ? {} : readConfig(file, faults);
  for (const name of Object.keys(inFile)) {
    if (!SETTINGS.some((setting) => setting.name === name)) faults.add(`${quote(name)} in ${file} is no setting`);
  }
  const values: Record<string, Values[string]> = {};
  for (const setting of SETTINGS) {
    const { name } = setting;
    const variable = variableOf(setting);
    const [value, from] =
      flags[name] !== undefined
        ? [flags[name], switchOf(setting)]
        : environment[variable] !== undefined
          ? [environment[variable], variable]
          : [inFile[name], `${name} in ${file}`];
    if (value !== undefined && value !== null) values[name] = readValue(setting, value, from, faults);
  }
  return values;
}

function readValue(setting: Setting, value: unknown, from: string, faults: OptionFaults): Values[string] {
  const { kind, name } = setting;
  // One that was given without its value.
  const read = READERS[kind](value === true && isValueOptional(setting) ? name : value);
  if (read === undefined) faults.add(`${from} ${kind === 'secret' ? '' : `${quote(value)} `}is not ${EXPECTED[kind]}`);
  if (kind !== 'secret' || typeof read !== 'string' || !read.startsWith('@')) return read;
  try {
    return readFileSync(read.slice(1), 'utf8').replace(/\r?\n$/, '');
  } catch (thrown) {
    faults.add(`${from}: ${toError(thrown).message}`);
    return undefined;
  }
}

const EXPECTED: Record<Kind, string> = {
  text: 'text',
  secret: 'text: put it in quotes',
  number: 'a number, 0 or more',
  switch: 'true or false',
  list: 'a list of texts',
};

const READERS: Record<Kind, (value: unknown) => Values[string]> = {
  text: readText,
  // What was 007 is 7 by now.
  secret: (value) => (typeof value === 'string' ? value : undefined),
  number: (value) => (/^\d+(\.\d+)?$/.test(`${value}`) ? Number(value) : undefined),
  switch: (value) => ({ true: true, '1': true, false: false, '0': false })[`${value}`],
  list(value) {
    if (typeof value === 'string') return value.split(/[\s,]+/).filter((item) => item !== '');
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
  },
};

function readText(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? `${value}` : undefined;
}

function readConfig(file: string, faults: OptionFaults): Record<string, unknown> {
  try {
    const text = readFileSync(file, 'utf8');
    const content: unknown = extname(file) === '.json' ? JSON.parse(text) : parseYaml(text);
    if (content === null || content === undefined) return {};
    if (typeof content === 'object' && !Array.isArray(content)) {
      const { $schema: _, ...settings } = content as Record<string, unknown>;
      return settings;
    }
    faults.add(`${file} is not an object of settings`);
  } catch (thrown) {
    faults.add(`${file}: ${toError(thrown).message}`);
  }
  return {};
}
