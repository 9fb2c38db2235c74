import { byId, make, setText } from './dom.js';
import { bytes, count } from './format.js';

/** What the first line says, and how: by name, and whether it is bad when there is any. */
const FIGURES = [
  ['Connections', ({ totals }) => count(totals.connections)],
  ['Published', ({ totals }) => count(totals.published)],
  ['Delivered', ({ totals }) => count(totals.delivered)],
  ['Queued', ({ totals }) => bytes(totals.queuedBytes)],
  ['Gaps', ({ totals }) => count(totals.gaps), ({ totals }) => totals.gaps],
  ['Dropped', ({ totals }) => count(totals.dropped), ({ totals }) => totals.dropped],
  ['Cut off', ({ totals }) => count(totals.cutOff), ({ totals }) => totals.cutOff],
  ['Not kept', ({ totals }) => count(totals.failed), ({ totals }) => totals.failed],
];

/** The figures at the top. */
export class Totals {
  #figures = FIGURES.map(([name, textOf, alarmOf = () => 0]) => {
    const value = make('dd');
    byId('totals').append(make('div', {}, make('dt', { textContent: name }), value));
    return { value, textOf, alarmOf };
  });

  update(state) {
    for (const { value, textOf, alarmOf } of this.#figures) {
      setText(value, textOf(state));
      value.classList.toggle('alarm', alarmOf(state) > 0);
    }
  }
}
