import { addressOf, isTopic } from './addresses.js';
import { byId, make, setText, show } from './dom.js';
import { follow } from './event-stream.js';
import { count, time } from './format.js';
import { headers } from './session.js';

/** So many are kept, and shown. */
const MOST = 200;
/** A page is no place for more of one event. */
const MOST_CHARACTERS = 2_000;
const MOST_TYPES = 50;

/** The events of the channel that is open, as they come. */
export class FollowedEvents {
  #events = [];
  #count = 0;
  #types = new Set();
  #filter = '';
  #isPaused = false;
  #isDrawing = false;
  #link = '';
  #abort = null;
  #body = byId('event-table').tBodies[0];

  constructor() {
    byId('type-filter').addEventListener('change', ({ target }) => {
      this.#filter = target.value;
      this.#draw();
    });
    byId('clear').addEventListener('click', () => this.#clear());
    byId('pause').addEventListener('click', ({ target }) => {
      this.#isPaused = !this.#isPaused;
      target.setAttribute('aria-pressed', `${this.#isPaused}`);
      setText(target, this.#isPaused ? 'Resume' : 'Pause');
      if (!this.#isPaused) this.#draw();
    });
  }

  async open(channel) {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#types.clear();
    this.#filter = '';
    byId('type-filter').replaceChildren(make('option', { value: '', textContent: 'All types' }));
    this.#clear();
    this.#say('connecting');
    const on = {
      open: () => this.#say('live'),
      lost: () => this.#say('lost, trying again'),
      event: (event) => this.#take(isTopic(channel) ? event : JSON.parse(event.data), event.id),
    };
    const url = addressOf(channel, { isLabelled: true });
    try {
      await follow(url, { headers, signal: abort.signal, on });
    } catch (refused) {
      if (!abort.signal.aborted) this.#say(`not allowed: ${refused.message.trim()}`);
    }
  }

  #take({ channel, type, data }, id) {
    // Where the stream stands, which is no event.
    if (channel === undefined && type === 'place') return;
    this.#count++;
    this.#events.unshift({ at: Date.now(), type, data: shortened(data), id });
    this.#events.length = Math.min(this.#events.length, MOST);
    if (!this.#types.has(type) && this.#types.size < MOST_TYPES) {
      this.#types.add(type);
      byId('type-filter').append(make('option', { value: type, textContent: type }));
    }
    this.#draw();
  }

  #clear() {
    this.#events = [];
    this.#count = 0;
    this.#draw();
  }

  /** At most once a frame, however many come. */
  #draw() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#tell();
      if (this.#isPaused && this.#events.length > 0) return;
      const shown = this.#events.filter(({ type }) => this.#filter === '' || type === this.#filter);
      show(byId('event-table'), shown.length > 0);
      show(byId('events-empty'), shown.length === 0);
      this.#body.replaceChildren(...shown.map(rowOf));
    });
  }

  #say(link) {
    this.#link = link;
    this.#tell();
  }

  #tell() {
    const events = this.#count === 1 ? '1 event' : `${count(this.#count)} events`;
    setText(byId('follow-status'), `${this.#link}, ${events}`);
  }
}

function rowOf({ at, type, data, id }) {
  const row = make(
    'tr',
    { className: type === 'gap' ? 'gap' : '' },
    make('td', { className: 'time', textContent: time(at) }),
    make('td', { className: 'type', textContent: type }),
    make('td', { className: 'data', textContent: data, title: id === '' ? '' : `id: ${id}` }),
  );
  return row;
}

function shortened(text) {
  return text.length <= MOST_CHARACTERS
    ? text
    : `${text.slice(0, MOST_CHARACTERS)}… (${count(text.length)} characters)`;
}
