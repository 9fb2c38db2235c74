import { byId, make, setText } from './dom.js';
import { bytes, count, exactMilliseconds, milliseconds } from './format.js';
import uPlot from './uplot/uPlot.esm.js';

/** Ten minutes of seconds. */
const MOST = 600;
const HEIGHT = 116;

/** Where an axis has its marks: at whole numbers, at whole KB and MB, or anywhere. */
const WHOLE = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();
const BINARY = Array.from({ length: 40 }, (_, power) => 2 ** power);

/** Each line: what it is called where there are several, and where a second has it. `null`: nothing was measured. */
const PLOTS = [
  { name: 'Published', unit: '/s', format: count, steps: WHOLE, lines: [['', (point) => point.published]] },
  { name: 'Delivered', unit: '/s', format: count, steps: WHOLE, lines: [['', (point) => point.delivered]] },
  { name: 'Connections', unit: '', format: count, steps: WHOLE, lines: [['', (point) => point.connections]] },
  { name: 'Queued', unit: '', format: bytes, steps: BINARY, lines: [['', (point) => point.queuedBytes]] },
  {
    name: 'Publish to socket',
    hint: 'From a publish here until its event is handed to sockets; ten events a second at most. And until the broker has answered.',
    unit: '',
    format: milliseconds,
    mark: exactMilliseconds,
    lines: [
      ['p50', (point) => point.deliveryMs?.median ?? null],
      ['max', (point) => point.deliveryMs?.max ?? null],
      ['broker', (point) => point.answerMs?.median ?? null],
    ],
  },
  {
    name: 'Event loop delay',
    hint: 'How late this process comes to what is due.',
    unit: '',
    format: milliseconds,
    mark: exactMilliseconds,
    lines: [
      ['p50', (point) => point.loopMs?.p50 ?? null],
      ['p99', (point) => point.loopMs?.p99 ?? null],
    ],
  },
];

const COLOURS = ['--line', '--line-2', '--line-3'];

/** The last ten minutes. */
export class Plots {
  #points = [];
  #plots = PLOTS.map((plot) => new Plot(plot));

  constructor() {
    byId('plots').append(...this.#plots.map(({ element }) => element));
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', () => this.#draw());
  }

  reset(points) {
    this.#points = points;
    this.#draw();
  }

  add(point) {
    this.#points.push(point);
    if (this.#points.length > MOST) this.#points.shift();
    this.#draw();
  }

  #draw() {
    for (const plot of this.#plots) plot.draw(this.#points);
  }
}

class Plot {
  #plot;
  #format;
  #mark;
  #unit;
  #chart;
  #values;
  #points = [];

  constructor({ name, hint = '', unit, format, mark = format, steps, lines }) {
    this.#format = format;
    this.#mark = mark;
    this.#unit = unit;
    this.#plot = { name, lines };
    this.#values = lines.map(([line], index) => {
      const value = make('b');
      return {
        value,
        element: make('span', { className: `value line-${index}` }, line === '' ? '' : `${line} `, value),
      };
    });
    const values = make('p', { className: 'values' }, ...this.#values.map(({ element }) => element));
    const canvas = make('div', { className: 'canvas' });
    canvas.setAttribute('role', 'img');
    this.canvas = canvas;
    const heading = make('h3', { textContent: name, title: hint });
    this.element = make('figure', {}, make('figcaption', {}, heading, values), canvas);
    this.#chart = new uPlot(this.#options(steps), [[], ...lines.map(() => [])], canvas);
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width > 0) this.#chart.setSize({ width: Math.floor(contentRect.width), height: HEIGHT });
    }).observe(canvas);
  }

  draw(points) {
    this.#points = points;
    const { lines, name } = this.#plot;
    const times = points.map(({ at }) => at / 1_000);
    this.#chart.setData([times, ...lines.map(([, read]) => points.map(read))]);
    if (this.#chart.cursor.idx == null) this.#tell(points.at(-1));
    this.canvas.setAttribute(
      'aria-label',
      `${name}, the last ten minutes; now ${this.#texts(points.at(-1)).join(', ')}`,
    );
  }

  #texts(point) {
    return this.#plot.lines.map(([line, read]) => {
      const value = point === undefined ? null : read(point);
      return `${line} ${value === null ? '–' : this.#format(value) + this.#unit}`.trim();
    });
  }

  #tell(point) {
    this.#plot.lines.forEach(([, read], index) => {
      const value = point === undefined ? null : read(point);
      setText(this.#values[index].value, value === null ? '–' : this.#format(value) + this.#unit);
    });
  }

  #options(steps) {
    const axis = { stroke: () => colour('--quiet'), font: '11px system-ui, sans-serif', ticks: { show: false } };
    const grid = { stroke: () => colour('--hair'), width: 1 };
    return {
      width: 300,
      height: HEIGHT,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: 'hub' }, drag: { x: false, y: false }, y: false, points: { show: false } },
      scales: {
        x: { range: () => tenMinutes(this.#points) },
        y: { range: (_chart, _min, max) => [0, max > 0 ? max * 1.15 : 1] },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 26, gap: 8, space: 90, values: (_chart, ticks) => ticks.map(clock) },
        {
          ...axis,
          grid,
          size: 52,
          ...(steps === undefined ? {} : { incrs: steps }),
          gap: 6,
          space: 32,
          values: (_chart, ticks) => ticks.map((tick) => this.#mark(tick)),
        },
      ],
      series: [
        {},
        ...this.#plot.lines.map((_, index) => ({
          stroke: () => colour(COLOURS[index]),
          ...(index === 0 ? { fill: () => colour('--line-fill') } : {}),
          width: 1.25,
          points: { show: false },
        })),
      ],
      hooks: { setCursor: [({ cursor: { idx } }) => this.#tell(this.#points.at(idx ?? -1))] },
    };
  }
}

/** Up to the last second that is known, whole ten minutes: a hub that has just started has them empty. */
function tenMinutes(points) {
  const end = (points.at(-1)?.at ?? Date.now()) / 1_000;
  return [end - MOST, end];
}

function clock(seconds) {
  return new Date(seconds * 1_000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
