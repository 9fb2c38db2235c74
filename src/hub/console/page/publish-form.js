import { byId, setText } from './dom.js';
import { count } from './format.js';
import { headers } from './session.js';

/** Publishes what is in the form. */
export class PublishForm {
  constructor() {
    byId('publish').addEventListener('submit', (submitted) => {
      submitted.preventDefault();
      void this.#publish();
    });
  }

  setChannel(channel) {
    byId('publish-channel').value = channel;
    setText(byId('publish-status'), '');
  }

  async #publish() {
    const [channel, type, id, data] = ['channel', 'type', 'id', 'data'].map((name) => byId(`publish-${name}`).value);
    const body = new URLSearchParams({ channel, data });
    if (type !== '') body.set('event', type);
    if (id !== '') body.set('id', id);
    const status = byId('publish-status');
    status.classList.remove('fault');
    try {
      const response = await fetch('../publish', { method: 'POST', headers: headers(), body });
      if (!response.ok) throw new Error((await response.text()).trim());
      const { ids, subscribers } = await response.json();
      const to = subscribers === 1 ? '1 subscriber' : `${count(subscribers)} subscribers`;
      setText(status, `Published to ${to} here, as ${ids[0]}`);
    } catch (thrown) {
      status.classList.add('fault');
      setText(status, `Not published: ${thrown.message}`);
    }
  }
}
