import { byId, make, setText, show } from './dom.js';
import { count, rate } from './format.js';
import { KeyedRows } from './keyed-rows.js';
import { curlLine } from './snippets.js';

/** The channels that have subscribers, or on which something is published. */
export class Channels {
  #open;
  #current = null;
  #rows;
  #last = { items: [], more: 0 };

  /** @param open - called with the name of a channel that was chosen. */
  constructor(open) {
    this.#open = open;
    const body = byId('channel-table').tBodies[0];
    this.#rows = new KeyedRows(
      body,
      ({ name }) => name,
      ({ name }) => this.#row(name),
    );
    setText(byId('channels-curl'), curlLine('news'));
    byId('open').addEventListener('submit', (submitted) => {
      submitted.preventDefault();
      const input = byId('open-name');
      open(input.value);
      input.value = '';
    });
  }

  update(channels) {
    this.#last = channels;
    const { items, more } = channels;
    this.#rows.update(items);
    show(byId('channel-table'), items.length > 0);
    show(byId('channels-empty'), items.length === 0);
    show(byId('channels-more'), more > 0);
    setText(byId('channels-more'), `and ${count(more)} more, with fewer subscribers`);
  }

  setCurrent(name) {
    this.#current = name;
    this.update(this.#last);
  }

  #row(name) {
    const button = make('button', { type: 'button', className: 'name', textContent: name });
    button.addEventListener('click', () => this.#open(name));
    const subscribers = make('td', { className: 'number' });
    const published = make('td', { className: 'number' });
    const row = make('tr', {}, make('th', { scope: 'row' }, button), subscribers, published);
    const update = (channel) => {
      setText(subscribers, count(channel.subscribers));
      setText(published, rate(channel.rate));
      const isCurrent = name === this.#current;
      row.classList.toggle('current', isCurrent);
      if (isCurrent) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
    };
    return { row, update };
  }
}
