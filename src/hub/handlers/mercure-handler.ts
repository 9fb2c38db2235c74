import { TopicSelectors } from '../topics/topic-selectors.js';
import { checkedUpdate, checkTopic } from '../updates/update.js';
import { formOf } from './form.js';
import { HubStream } from './hub-stream.js';

/** Where clients of the protocol look for a hub. */
export const MERCURE_PATH = '/.well-known/mercure';

/** Each costs memory for as long as the stream is open, and time for each update. */
const MAX_VARIABLES = 100;
const FORM = /^application\/x-www-form-urlencoded\b/i;

/**
 * The hub to clients that speak Mercure 0.x: `GET ?topic=…` subscribes, a POST of a form publishes.
 *
 * @see https://mercure.rocks/spec
 */
export class MercureHandler extends HubStream {
  protected override asked(): readonly string[] {
    const topics = this.query.getAll('topic');
    if (topics.length === 0) this.error(400, 'no topic: ask for some, as in ?topic=https://example.com/books/1');
    for (const topic of topics) checkTopic(topic);
    return topics;
  }

  protected override selectorsOf(topics: readonly string[]): TopicSelectors {
    const selectors = TopicSelectors.of(topics);
    const { variables } = selectors;
    if (variables > MAX_VARIABLES)
      this.error(400, `${variables} variables in templates: at most ${MAX_VARIABLES} for a connection`);
    return selectors;
  }

  override async post(): Promise<void> {
    const claims = await this.hub.publisher(this);
    if (!FORM.test(this.headers['content-type'] ?? '')) this.error(415, 'publish as application/x-www-form-urlencoded');
    const form = formOf(await this.text());
    const update = checkedUpdate({
      topics: form.getAll('topic'),
      isPrivate: form.has('private'),
      data: form.get('data') ?? '',
      type: form.get('type') || undefined,
      id: form.get('id') || undefined,
      retry: this.#retryOf(form.get('retry') || undefined),
    });
    await this.hub.publish([update], claims, this.remoteAddress);
    this.setHeader('Content-Type', 'text/plain; charset=utf-8');
    this.write(update.id);
  }

  #retryOf(text: string | undefined): number | undefined {
    if (text === undefined) return undefined;
    if (!/^[0-9]+$/.test(text)) this.error(400, `retry ${JSON.stringify(text)} is not a number of milliseconds`);
    return Number(text);
  }
}
