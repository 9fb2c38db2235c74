import { byId, make, show } from './dom.js';
import { time } from './format.js';

const NAMES = {
  gap: 'Gap',
  'slow-consumer': 'Cut off',
  'write-failed': 'Write failed',
  error: 'Error',
  drop: 'Dropped',
  'publish-failed': 'Not published',
};

/** What went wrong lately. */
export class Incidents {
  #newest = -1;
  #body = byId('incident-table').tBodies[0];

  update(incidents) {
    const newest = incidents[0]?.number ?? 0;
    // A hub that has started anew counts from the beginning.
    if (newest === this.#newest) return;
    this.#newest = newest;
    show(byId('incident-table'), incidents.length > 0);
    show(byId('incidents-empty'), incidents.length === 0);
    this.#body.replaceChildren(...incidents.map(rowOf));
  }
}

function rowOf({ at, kind, cause, connection, address, channels }) {
  const of = [
    connection === null ? '' : `connection ${connection}`,
    address === '' ? '' : `from ${address}`,
    channels.length === 0 ? '' : `on ${channels.join(', ')}`,
  ];
  const details = make('span', { className: 'details', textContent: of.filter((text) => text !== '').join(' ') });
  return make(
    'tr',
    {},
    make('td', { className: 'time', textContent: time(at) }),
    make('td', { className: 'kind', textContent: NAMES[kind] ?? kind }),
    make('td', { className: 'cause' }, make('span', { textContent: cause }), details),
  );
}
