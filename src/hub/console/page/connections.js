import { byId, make, setText, show } from './dom.js';
import { age, bytes, count } from './format.js';
import { KeyedRows } from './keyed-rows.js';
import { headers } from './session.js';

/** A shorter queue is on its way: this is more than a socket takes at once. */
const LONG_QUEUE_BYTES = 64 * 1_024;

/** The streams that are open, each with a button that ends it. */
export class Connections {
  #rows = new KeyedRows(byId('connection-table').tBodies[0], ({ id }) => id, rowOf);

  update({ items, more }) {
    this.#rows.update(items);
    show(byId('connection-table'), items.length > 0);
    show(byId('connections-empty'), items.length === 0);
    show(byId('connections-more'), more > 0);
    setText(byId('connections-more'), `and ${count(more)} more, with shorter queues`);
  }
}

function rowOf({ id, address, path, channels }) {
  const button = make('button', { type: 'button', className: 'end', textContent: 'End' });
  button.setAttribute('aria-label', `End connection ${id}, from ${address}`);
  button.addEventListener('click', () => end(id, button));
  const more = channels.more > 0 ? ` and ${count(channels.more)} more` : '';
  const names = make('span', { className: 'details' });
  const cells = ['number wide', 'number', 'number', 'number wide'].map((className) => make('td', { className }));
  const [aged, queue, sent, dropped] = cells;
  const row = make(
    'tr',
    {},
    make('td', { className: 'number wide', textContent: `${id}` }),
    make('th', { scope: 'row' }, make('span', { textContent: address, title: path }), names),
    ...cells,
    make('td', { className: 'action' }, button),
  );
  setText(names, channels.items.join(', ') + more || path);
  const update = (connection) => {
    setText(aged, age(connection.ageMs));
    setText(queue, bytes(connection.queuedBytes));
    setText(sent, count(connection.sentEvents));
    setText(dropped, count(connection.droppedEvents));
    queue.classList.toggle('alarm', connection.queuedBytes >= LONG_QUEUE_BYTES);
    dropped.classList.toggle('alarm', connection.droppedEvents > 0);
    if (connection.channels.items.length > 0) {
      const { items, more: others } = connection.channels;
      setText(names, items.join(', ') + (others > 0 ? ` and ${count(others)} more` : ''));
    }
  };
  return { row, update };
}

async function end(id, button) {
  button.disabled = true;
  const status = byId('connections-status');
  try {
    const response = await fetch(`connections/${id}/end`, { method: 'POST', headers: headers() });
    if (!response.ok) throw new Error((await response.text()).trim());
    setText(status, `Connection ${id} was ended. An EventSource comes back by itself.`);
  } catch (thrown) {
    button.disabled = false;
    setText(status, `Connection ${id} was not ended: ${thrown.message}`);
  }
}
