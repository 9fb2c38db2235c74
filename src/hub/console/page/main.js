/** The console of a hub: puts its parts together, and feeds them. */

import { Channels } from './channels.js';
import { Connections } from './connections.js';
import { byId, setText, show } from './dom.js';
import { follow } from './event-stream.js';
import { FollowedEvents } from './followed-events.js';
import { Incidents } from './incidents.js';
import { Plots } from './plots.js';
import { PublishForm } from './publish-form.js';
import { forget, hasKey, headers, keep, setAccess } from './session.js';
import { Snippets } from './snippets.js';
import { Totals } from './totals.js';

const totals = new Totals();
const plots = new Plots();
const channels = new Channels(openChannel);
const followed = new FollowedEvents();
const publishForm = new PublishForm();
const snippets = new Snippets();
const incidents = new Incidents();
const connections = new Connections();

function openChannel(name) {
  setText(byId('channel-title'), name);
  show(byId('channel-empty'), false);
  show(byId('channel-parts'), true);
  channels.setCurrent(name);
  publishForm.setChannel(name);
  snippets.setChannel(name);
  void followed.open(name);
  byId('channel-title').focus();
}

function setLink(state, text) {
  byId('link').dataset.state = state;
  setText(byId('link'), text);
}

/** Of several hubs this page shows one: whichever its stream has come to. */
function showHub({ name, others }) {
  setLink('live', others === 0 ? 'Live' : `Live, one of ${others + 1} hubs`);
  byId('link').title = others === 0 ? '' : `${name}: what this page shows is of this hub alone`;
}

const on = {
  open() {
    setLink('live', 'Live');
    show(byId('access'), false);
    show(byId('main'), true);
    show(byId('parts'), true);
    show(byId('forget'), hasKey());
  },
  lost() {
    setLink('lost', 'Lost: trying again');
  },
  event({ type, data }) {
    const told = JSON.parse(data);
    if (type === 'history') {
      setAccess(told.access);
      plots.reset(told.points);
      return;
    }
    showHub(told.hub);
    if (told.point !== null) plots.add(told.point);
    totals.update(told);
    channels.update(told.channels);
    incidents.update(told.incidents);
    connections.update(told.connections);
  },
};

let watching = new AbortController();

/** Watches with the key that there is now, and no more with a former one. */
async function watch() {
  watching.abort();
  watching = new AbortController();
  const { signal } = watching;
  try {
    await follow('state', { headers, signal, on });
  } catch (refused) {
    if (signal.aborted) return;
    setLink('lost', 'Key needed');
    show(byId('main'), false);
    show(byId('parts'), false);
    show(byId('forget'), false);
    show(byId('access'), true);
    setText(byId('access-fault'), hasKey() || refused.status === 403 ? refused.message.trim() : '');
    forget();
    byId('key').focus();
  }
}

byId('access').addEventListener('submit', (submitted) => {
  submitted.preventDefault();
  keep(byId('key').value);
  byId('key').value = '';
  void watch();
});

byId('forget').addEventListener('click', () => {
  forget();
  location.reload();
});

// Whoever has no mouse scrolls them by keyboard: not every browser lets them by itself.
for (const region of document.querySelectorAll('section.scroll')) region.tabIndex = 0;

void watch();
