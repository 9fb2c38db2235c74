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

/** One character of a value, with what else may stand there. */
const anyOf = (characters: string) => `(?:[A-Za-z0-9\\-._~${characters}]|%[0-9A-Fa-f]{2})`;
const UNRESERVED = anyOf('');
/** A list's commas are the template's, not its values'. */
const LISTED = anyOf(',');
const RESERVED = anyOf(":/?#\\[\\]@!$&'()*+,;=");
const EXPRESSION = /\{([^{}]*)\}/g;
const VARIABLES =
  /^([+#./;?&]?)((?:[A-Za-z0-9_.]|%[0-9A-Fa-f]{2})+(?::[1-9][0-9]{0,3}|\*)?(?:,(?:[A-Za-z0-9_.]|%[0-9A-Fa-f]{2})+(?::[1-9][0-9]{0,3}|\*)?)*)$/;
/** More would make an automaton of megabytes, or one that takes milliseconds to make. */
const MAX_LENGTH = 4_096;
const MAX_VARIABLES = 16;
/** Each character of a value that is cut (`{var:30}`) is a state of the automaton: so many are all of a template's. */
const MAX_CUT_LENGTH = 32;

/** A URI template, as a set of texts. */
export class UriTemplate {
  /** What all its texts begin with. */
  readonly prefix: string;
  readonly #pattern: RE2JS;
  #lastText: string | null = null;
  #isLastMatched = false;

  private constructor(prefix: string, pattern: RE2JS) {
    this.prefix = prefix;
    this.#pattern = pattern;
  }

  /**
   * Reads a template. Null: it has no expression, one that is not of RFC 6570, or more than 4,096 characters or
   * 16 variables, or cuts values to more than 32 characters in all.
   *
   * @see https://www.rfc-editor.org/rfc/rfc6570#section-2
   */
  static parse(text: string): UriTemplate | null {
    if (text.length > MAX_LENGTH || !text.includes('{')) return null;
    let pattern = '';
    let end = 0;
    let variables = 0;
    let cutLength = 0;
    for (const found of text.matchAll(EXPRESSION)) {
      const literal = text.slice(end, found.index);
      const [, operator = '', list] = VARIABLES.exec(found[1] ?? '') ?? [];
      if (list === undefined || /[{}]/.test(literal)) return null;
      const names = list.split(',');
      variables += names.length;
      for (const name of names) cutLength += Number(name.split(':')[1] ?? 0);
      if (variables > MAX_VARIABLES || cutLength > MAX_CUT_LENGTH) return null;
      pattern += RE2JS.quote(literal) + expressionPattern(OPERATORS[operator] as Operator, names);
      end = found.index + found[0].length;
    }
    const rest = text.slice(end);
    if (end === 0 || /[{}]/.test(rest)) return null;
    return new UriTemplate(text.slice(0, text.indexOf('{')), RE2JS.compile(pattern + RE2JS.quote(rest)));
  }

  /** Whether the template, with some values, is this text. */
  matches(text: string): boolean {
    // All who asked for the template ask in turn about the topic of one update.
    if (text !== this.#lastText) {
      this.#isLastMatched = text.startsWith(this.prefix) && this.#pattern.matches(text);
      this.#lastText = text;
    }
    return this.#isLastMatched;
  }
}

/** Each value may be missing, as when its variable is not defined; a list or a map may be there for one. */
function expressionPattern(operator: Operator, names: readonly string[]): string {
  const between = RE2JS.quote(operator.separator);
  const values = names.map((name) => valuePattern(operator, name));
  // Any of them may be there, in order.
  const [head = '', ...tail] = values;
  const body =
    tail.length === 0
      ? head
      : values.map((value, index) => `(?:${index === 0 ? '' : `(?:${between})?`}${value})?`).join('');
  return `(?:${RE2JS.quote(operator.first)}${body})?`;
}

/** What may stand for `name`, `name:3` or `name*`: a text, a list or a map. */
function valuePattern({ separator, isNamed, allowsReserved }: Operator, given: string): string {
  if (given.endsWith('*')) {
    if (allowsReserved) return `${RESERVED}*`;
    const item = `${UNRESERVED}${isNamed ? '+' : '*'}(?:=${UNRESERVED}*)?`;
    return `${item}(?:${RE2JS.quote(separator)}${item})*`;
  }
  const [name = '', length] = given.split(':');
  const whole = allowsReserved ? RESERVED : LISTED;
  // A list is not cut.
  const value = length === undefined ? `${whole}*` : `${allowsReserved ? RESERVED : UNRESERVED}{0,${length}}`;
  return isNamed ? `${RE2JS.quote(name)}(?:=${value})?` : value;
}
