import { addressOf, isTopic } from './addresses.js';
import { byId, make, setText } from './dom.js';
import { hasToken } from './session.js';

/** The lines that follow a channel, from elsewhere. */
const SNIPPETS = [
  ['curl', curlLine],
  ['Browser', browserLines],
  ['Node', nodeLines],
];
const COPIED_MS = 2_000;

export function curlLine(channel) {
  const token = hasToken() ? " -H 'Authorization: Bearer TOKEN'" : '';
  return `curl -N${token} '${addressOf(channel, { isLabelled: false })}'`;
}

function browserLines(channel) {
  const address = addressOf(channel, { isLabelled: true });
  const cookies = hasToken() ? ', { withCredentials: true }' : '';
  const source = `const source = new EventSource('${address}'${cookies});`;
  if (isTopic(channel)) return `${source}\nsource.onmessage = ({ data }) => console.log(data);`;
  return `${source}
source.onmessage = ({ data }) => {
  const { type, data: text } = JSON.parse(data);
  console.log(type, text);
};`;
}

function nodeLines(channel) {
  const token = hasToken() ? ", { headers: { Authorization: 'Bearer TOKEN' } }" : '';
  return `import { streamEvents } from 'tradewind/client';

for await (const { type, data } of streamEvents('${addressOf(channel, { isLabelled: false })}'${token})) {
  console.log(type, data);
}`;
}

/** Shows them for the channel that is open, each with a button that copies it. */
export class Snippets {
  #codes = SNIPPETS.map(([name, linesOf]) => {
    const code = make('code');
    const button = make('button', { type: 'button', textContent: 'Copy' });
    button.setAttribute('aria-label', `Copy the lines for ${name}`);
    button.addEventListener('click', () => copy(code, button));
    const pre = make('pre', { tabIndex: 0 }, code);
    pre.setAttribute('aria-label', name);
    const head = make('div', { className: 'line' }, make('h4', { textContent: name }), button);
    byId('snippets').append(make('div', { className: 'snippet' }, head, pre));
    return { code, linesOf };
  });

  setChannel(channel) {
    for (const { code, linesOf } of this.#codes) setText(code, linesOf(channel));
  }
}

async function copy(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    setText(button, 'Copied');
  } catch {
    // Pages that are not on this machine, and not HTTPS, have no clipboard.
    getSelection()?.selectAllChildren(code);
    setText(button, 'Selected');
  }
  setTimeout(() => setText(button, 'Copy'), COPIED_MS);
}
