/** Which texts an RFC 6570 template may have been expanded to, decided in linear time. */

import { RE2JS } from 're2js';

/** What an operator puts before, between and before the names of its values, and whether these may hold reserved characters. */
interface Operator {
  readonly first: string;
  readonly separator: string;
  readonly isNamed: boolean;
  readonly allowsReserved: boolean;
}

/** @see https://www.rfc-editor.org/rfc/rfc6570#appendix-A */
const OPERATORS: Readonly<Record<string, Operator>> = {
  '': { first: '', separator: ',', isNamed: false, allowsReserved: false },
  '+': { first: '', separator: ',', isNamed: false, allowsReserved: true },
  '#': { first: '#', separator: ',', isNamed: false, allowsReserved: true },
  '.': { first: '.', separator: '.', isNamed: false, allowsReserved: false },
  '/': { first: '/', separator: '/', isNamed: false, allowsReserved: false },
  ';': { first: ';', separator: ';', isNamed: true, allowsReserved: false },
  '?': { first: '?', separator: '&', isNamed: true, allowsReserved: false },
  '&': { first: '&', separator: '&', isNamed: true, allowsReserved: false },
};

const UNRESERVED = '(?:[A-Za-z0-9\\-._~]|%[0-9A-Fa-f]{2})';
const RESERVED = "(?:[A-Za-z0-9\\-._~:/?#\\[\\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})";
const EXPRESSION = /\{([^{}]*)\}/g;
const VARIABLES =
  /^([+#./;?&]?)((?:[A-Za-z0-9_.]|%[0-9A-Fa-f]{2})+(?::[1-9][0-9]{0,3}|\*)?(?:,(?:[A-Za-z0-9_.]|%[0-9A-Fa-f]{2})+(?::[1-9][0-9]{0,3}|\*)?)*)$/;
/** More would make an automaton of megabytes. */
const MAX_LENGTH = 4_096;
const MAX_VARIABLES = 16;
/** Each character of a value that is cut (`{var:30}`) is a state of the automaton. */
const MAX_PREFIX_LENGTH = 32;

/** A URI template, as a set of texts. */
export class UriTemplate {
  /** What all its texts begin with. */
  readonly prefix: string;
  readonly #pattern: RE2JS;

  private constructor(prefix: string, pattern: RE2JS) {
    this.prefix = prefix;
    this.#pattern = pattern;
  }

  /**
   * Reads a template. Null: it has no expression, one that is not of RFC 6570, or more than 4,096 characters or
   * 16 variables, or cuts a value beyond 32 characters.
   *
   * @see https://www.rfc-editor.org/rfc/rfc6570#section-2
   */
  static parse(text: string): UriTemplate | null {
    if (text.length > MAX_LENGTH || !text.includes('{')) return null;
    let pattern = '';
    let end = 0;
    let variables = 0;
    for (const found of text.matchAll(EXPRESSION)) {
      const literal = text.slice(end, found.index);
      const [, operator = '', list] = VARIABLES.exec(found[1] ?? '') ?? [];
      if (list === undefined || /[{}]/.test(literal)) return null;
      const names = list.split(',');
      if (names.some((name) => Number(name.split(':')[1] ?? 0) > MAX_PREFIX_LENGTH)) return null;
      variables += names.length;
      pattern += RE2JS.quote(literal) + expressionPattern(OPERATORS[operator] as Operator, names);
      end = found.index + found[0].length;
    }
    const rest = text.slice(end);
    if (end === 0 || /[{}]/.test(rest) || variables > MAX_VARIABLES) return null;
    return new UriTemplate(text.slice(0, text.indexOf('{')), RE2JS.compile(pattern + RE2JS.quote(rest)));
  }

  /** Whether the template, with some values, is this text. */
  matches(text: string): boolean {
    return text.startsWith(this.prefix) && this.#pattern.matches(text);
  }
}

/** Each value may be missing, as when its variable is not defined; a list or a map may be there for one. */
function expressionPattern({ first, separator, isNamed, allowsReserved }: Operator, names: readonly string[]): string {
  const character = allowsReserved ? RESERVED : UNRESERVED;
  const between = RE2JS.quote(separator);
  const values = names.map((given) => {
    const isExploded = given.endsWith('*');
    const [name = '', length] = given.replace('*', '').split(':');
    const value = length === undefined ? `${character}*` : `${character}{0,${length}}`;
    if (isExploded) {
      const item = isNamed ? `${UNRESERVED}+(?:=${value})?` : `${value}(?:=${value})?`;
      return `${item}(?:${between}${item})*`;
    }
    const list = `${value}(?:,${value})*`;
    return isNamed ? `${RE2JS.quote(name)}(?:=${list})?` : list;
  });
  // Any of them may be there, in order.
  const [head = '', ...tail] = values;
  const body =
    tail.length === 0
      ? head
      : values.map((value, index) => `(?:${index === 0 ? '' : `(?:${between})?`}${value})?`).join('');
  return `(?:${RE2JS.quote(first)}${body})?`;
}
