import { UriTemplate } from './uri-template.js';

/** The selector that every topic matches. */
export const ANY_TOPIC = '*';

/** Templates are compiled once for all who ask for the same: the newest so many are kept, beside those that somebody has. */
const MAX_TEMPLATES = 1_000;
const templates = new Map<string, UriTemplate | null>();

/**
 * Some topic selectors: of a subscription, or of a token.
 *
 * A selector is `*`, which matches everything; or a topic, which matches itself, byte for byte; or a URI template, which matches what it
 * may expand to, and itself.
 *
 * @see https://mercure.rocks/spec#topic-selectors
 */
export class TopicSelectors {
  /** As they were given, each once. */
  readonly texts: ReadonlySet<string>;
  readonly #matchesAll: boolean;
  readonly #templates: readonly UriTemplate[];

  /** What a hub without tokens grants to each publish. */
  static readonly #anything = new TopicSelectors([ANY_TOPIC], true, []);

  private constructor(texts: Iterable<string>, matchesAll: boolean, templates: readonly UriTemplate[]) {
    this.texts = new Set(texts);
    this.#matchesAll = matchesAll;
    this.#templates = templates;
  }

  static of(texts: readonly string[]): TopicSelectors {
    if (texts.length === 1 && texts[0] === ANY_TOPIC) return TopicSelectors.#anything;
    const templates = texts.map(templateOf).filter((template) => template !== null);
    return new TopicSelectors(texts, texts.includes(ANY_TOPIC), templates);
  }

  /** Selectors of these topics and of no other, whatever they look like. */
  static exactly(topics: readonly string[]): TopicSelectors {
    return new TopicSelectors(topics, false, []);
  }

  /** Whether they name one topic each. */
  get areExact(): boolean {
    return !this.#matchesAll && this.#templates.length === 0;
  }

  /** How many variables their templates have. */
  get variables(): number {
    return this.#templates.reduce((sum, { variables }) => sum + variables, 0);
  }

  matches(topic: string): boolean {
    if (this.#matchesAll || this.texts.has(topic)) return true;
    for (const template of this.#templates) if (template.matches(topic)) return true;
    return false;
  }

  /** Whether some topic that begins so may match. */
  mayMatchBelow(prefix: string): boolean {
    if (this.#matchesAll) return true;
    for (const text of this.texts) if (text.startsWith(prefix)) return true;
    return this.#templates.some((template) => template.prefix.startsWith(prefix) || prefix.startsWith(template.prefix));
  }
}

function templateOf(text: string): UriTemplate | null {
  let template = templates.get(text);
  if (template !== undefined) return template;
  if (templates.size >= MAX_TEMPLATES) templates.delete(templates.keys().next().value as string);
  template = UriTemplate.parse(text);
  templates.set(text, template);
  return template;
}
