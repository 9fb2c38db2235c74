/** The page: brings the stream's samples to the tiles and plots, and says how the stream is doing. */

import { clock, color, coreHue, History, Plot } from './plots.js';
import { MachineStream } from './stream.js';

/** The shortest stretch of time that a plot shows. */
const LEAST_SECONDS = 10;

const element = (id) => document.getElementById(id);
const history = new History();
const stream = new MachineStream('/events?history');

let machine = null;
let plots = [];
let windowSeconds = 60;
/** How far the server's clock is ahead of ours, in milliseconds. */
let clockAheadMs = 0;
/** The index of the sample that is pointed at; `null` for the latest. */
let pointed = null;
let isDrawDue = false;

stream.addEventListener('machine', ({ detail }) => {
  machine = detail;
  history.periodMs = machine.periodMs;
  clockAheadMs = machine.time - Date.now();
});
stream.addEventListener('sample', ({ detail }) => history.add(detail));
stream.addEventListener('change', scheduleDraw);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', scheduleDraw);
for (const input of document.querySelectorAll('input[name=window]')) {
  input.addEventListener('change', () => {
    windowSeconds = Number(input.value);
    scheduleDraw();
  });
}

const curl = `curl -N ${location.origin}/events`;
element('curl').textContent = curl;
element('copy').addEventListener('click', copyCurl);
stream.start();

/** One drawing for all that came meanwhile. A hidden page gets no animation frames: it draws once when it is shown again. */
function scheduleDraw() {
  if (isDrawDue) return;
  isDrawDue = true;
  requestAnimationFrame(() => {
    isDrawDue = false;
    drawState();
    if (history.newest !== null) drawSamples();
  });
}

function drawState() {
  const { state, since } = stream;
  const seconds = Math.round((performance.now() - since) / 1_000);
  const words = { connecting: 'connecting…', live: 'live', reconnecting: 'reconnecting…', resumed: 'resumed' };
  element('badge').dataset.state = state;
  setText('state', words[state]);
  setText('elapsed', state === 'reconnecting' ? `since ${seconds} s` : '');
  document.title = `${state === 'reconnecting' ? 'Reconnecting…' : 'This machine, live'} · Tradewind`;
  setText('received', stream.received.toLocaleString('en'));
  setText('reconnects', stream.reconnects);
  setText('gaps', stream.gaps);
  setText('last-event-id', stream.lastEventId || 'none yet');
  setText('frame', stream.lastFrame);
  drawNotice(stream);
}

function drawNotice({ state, outage }) {
  const kind = outage === null ? state : outage.endedAt === null ? 'lost' : outage.hasGap ? 'gap' : 'whole';
  element('notice').dataset.kind = kind;
  setText('notice', noticeOf(kind, outage));
}

function noticeOf(kind, outage) {
  if (kind === 'connecting') return 'Connecting to the stream.';
  if (kind === 'live')
    return 'Following the stream: one sample a second. Whoever comes late gets the last ten minutes first.';
  const beganAt = clock(outage.beganAt / 1_000);
  if (kind === 'lost') return `The stream broke off at ${beganAt}. The browser keeps trying to reach the server again.`;
  const took = Math.max(1, Math.round((outage.endedAt - outage.beganAt) / 1_000));
  const back = `The stream broke off at ${beganAt} and was resumed ${took} s later`;
  return kind === 'whole'
    ? `${back}. Nothing was lost: the server replayed what came after the last event ID.`
    : `${back}, with a gap: the server’s history does not reach back to the last event ID.`;
}

function drawSamples() {
  if (plots.length === 0) plots = createPlots();
  Plot.drawAll(plots, serverNow());
  drawFigures();
}

function drawFigures() {
  const sample = (pointed === null ? history.newest : history.samples[pointed]) ?? null;
  setText('moment', momentOf(sample));
  element('moment').dataset.isPast = pointed !== null;
  setText('cpu', sample ? mean(sample.cpu).toFixed() : '–');
  setText('memory', sample ? gibibytes(sample.memory.used) : '–');
  setText('delay', sample ? sample.delay.max.toFixed(1) : '–');
  setText('connections', sample ? sample.connections : '–');
  if (sample === null) return;
  setText(
    'memory-unit',
    `of ${gibibytes(sample.memory.total)} GiB; this server: ${(sample.memory.process / 2 ** 20).toFixed()} MiB`,
  );
  setText('delay-unit', `ms at worst; median ${sample.delay.median.toFixed(1)} ms`);
  setText('machine', `${machine.host} · ${machine.model}, ${plural(machine.cores, 'core')} · Node ${machine.node}`);
  drawCores(sample.cpu);
}

function momentOf(sample) {
  if (pointed !== null) return `at ${clock(history.times[pointed])}${sample === null ? ': no sample' : ''}`;
  return stream.state === 'reconnecting' ? `last seen at ${clock(sample.time / 1_000)}` : 'now';
}

function drawCores(cpu) {
  const list = element('cores');
  while (list.children.length < cpu.length) list.append(createCore(list.children.length, cpu.length));
  cpu.forEach((busy, index) => {
    const core = list.children[index];
    core.style.setProperty('--busy', `${busy}%`);
    core.querySelector('b').textContent = `${busy.toFixed()} %`;
  });
}

function createCore(index, count) {
  const core = document.createElement('li');
  const value = document.createElement('b');
  core.append(`core ${index} `, value);
  core.style.setProperty('--hue', coreHue(index, count));
  return core;
}

function createPlots() {
  const cores = history.newest.cpu.length;
  const accent = () => color('--accent');
  const wash = () => color('--wash');
  // Painted over each other, the highest first: the top line is the whole machine, each band one core's part of it.
  const bands = Array.from({ length: cores }, (_, layer) => {
    const upTo = cores - layer;
    const band = () => `hsl(${coreHue(upTo - 1, cores)} ${color('--core-tone')})`;
    return { valueIn: ({ cpu }) => total(cpu.slice(0, upTo)) / cores, stroke: band, fill: band, width: 1 };
  });
  const memoryTotal = history.newest.memory.total / 2 ** 30;
  const definitions = {
    cpu: [bands, { top: () => 100, label: (value) => `${value} %`, splits: [0, 25, 50, 75, 100] }],
    memory: [
      [{ valueIn: ({ memory }) => memory.used / 2 ** 30, stroke: accent, fill: wash }],
      { top: () => memoryTotal, label: (value) => `${value} GiB` },
    ],
    delay: [
      [
        { valueIn: ({ delay }) => delay.max, stroke: accent, fill: wash },
        { valueIn: ({ delay }) => delay.median, stroke: () => color('--muted'), width: 1 },
      ],
      { top: (largest) => Math.max(5, largest * 1.15), label: (value) => `${value} ms` },
    ],
    connections: [
      [{ valueIn: ({ connections }) => connections, stroke: accent, fill: wash, isStepped: true }],
      {
        top: (largest) => Math.max(4, Math.ceil(largest * 1.25)),
        label: (value) => value,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000],
      },
    ],
  };
  return Object.entries(definitions).map(
    ([name, [lines, axis]]) => new Plot(element(`${name}-plot`), history, lines, axis, { range, describe, onCursor }),
  );
}

/**
 * What time the axis shows: up to now, so that it goes on while nothing comes, and not from before the first sample, so
 * that a server that was just started fills its plots.
 */
function range() {
  const now = serverNow();
  const first = Math.min(history.times[0] ?? now, now - LEAST_SECONDS);
  return [Math.max(now - windowSeconds, first), now];
}

function serverNow() {
  const now = (Date.now() + clockAheadMs) / 1_000;
  const newest = history.times.at(-1) ?? now;
  // While samples come, time goes with them: the plots move once for each, evenly.
  return now - newest < (1.5 * history.periodMs) / 1_000 ? newest : now;
}

function describe(index) {
  const sample = history.samples[index];
  if (sample === null) return `${clock(history.times[index])}: no sample`;
  const { cpu, memory, delay, connections } = sample;
  return [
    `${clock(history.times[index])}: processor ${mean(cpu).toFixed()} %`,
    `memory ${gibibytes(memory.used)} GiB`,
    `event-loop delay ${delay.max.toFixed(1)} ms`,
    plural(connections, 'open stream'),
  ].join(', ');
}

/** Pointing at one plot points at the same moment in all of them. */
function onCursor(index, active) {
  pointed = index;
  for (const plot of plots) if (plot !== active) plot.point(index);
  drawFigures();
}

async function copyCurl() {
  try {
    await navigator.clipboard.writeText(curl);
    element('copy').textContent = 'Copied';
  } catch {
    // Without the permission, or over plain HTTP from elsewhere: mark it, for the keyboard to copy.
    getSelection().selectAllChildren(element('curl'));
    element('copy').textContent = 'Marked';
  }
  setTimeout(() => {
    element('copy').textContent = 'Copy';
  }, 2_000);
}

/** Sets a text only when it differs, so that a status is not read out again. */
function setText(id, text) {
  const target = element(id);
  if (target.textContent !== `${text}`) target.textContent = text;
}

function total(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0);
}

function mean(numbers) {
  return numbers.length === 0 ? 0 : total(numbers) / numbers.length;
}

function gibibytes(bytes) {
  return (bytes / 2 ** 30).toFixed(1);
}

function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
