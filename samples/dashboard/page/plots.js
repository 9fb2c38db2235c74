/** The samples that the page keeps, and the plots of them. */

import uPlot from './uplot.js';

const KEPT_MS = 10 * 60_000;
/** Samples further apart than this many periods have a hole between them. */
const HOLE_PERIODS = 2.5;
/** Of a time of day, in pixels. */
const LABEL_WIDTH = 48;
const FONT = '12px system-ui, sans-serif';

/** What came, oldest first; `null` where something is missing. */
export class History {
  periodMs = 1_000;
  /** In seconds, as uPlot wants them. */
  times = [];
  samples = [];

  get length() {
    return this.times.length;
  }

  get newest() {
    return this.samples.at(-1) ?? null;
  }

  /** Appends, with a hole before it if it comes late. What is not newer than the newest is left out. */
  add(sample) {
    const last = this.newest;
    if (last !== null && sample.time <= last.time) return;
    if (last !== null && sample.time - last.time > HOLE_PERIODS * this.periodMs) {
      this.times.push((last.time + this.periodMs) / 1_000);
      this.samples.push(null);
    }
    this.times.push(sample.time / 1_000);
    this.samples.push(sample);
    const first = this.times.findIndex((time) => time * 1_000 > sample.time - KEPT_MS);
    this.times.splice(0, first);
    this.samples.splice(0, first);
  }

  /** The stretches without a sample, in seconds, and the one that `now` is in. */
  holes(now) {
    const holes = [];
    for (let index = 1; index < this.length - 1; index++) {
      if (this.samples[index] === null) holes.push([this.times[index - 1], this.times[index + 1]]);
    }
    const last = this.times.at(-1);
    if (last !== undefined && now - last > (HOLE_PERIODS * this.periodMs) / 1_000) holes.push([last, now]);
    return holes;
  }

  column(valueIn) {
    return this.samples.map((sample) => (sample === null ? null : valueIn(sample)));
  }
}

/** A color of the style sheet, read when a plot is drawn, so that it follows the theme. */
export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The hue of a core, the same in its plot and on its meter: from teal for the first to blue for the last. */
export function coreHue(index, count) {
  return Math.round(174 + (count < 2 ? 0 : (index / (count - 1)) * 48));
}

/**
 * One plot over the history's time, which fills its element and follows its size. Arrow keys move its cursor.
 *
 * @param lines - what to draw, the lowest layer first: `{ valueIn(sample), stroke(), fill?(), width?, isStepped? }`.
 * @param axis - `{ top(largest): number, label(value): string, splits?: number[], incrs?: number[] }`, the last two as uPlot's.
 * @param page - `range()`: the time shown, in seconds. `describe(index)`: a sample in words. `onCursor(index, plot)`: called
 *   with the sample that the reader points at, or `null`.
 */
export class Plot {
  /** The plot that the reader pointed at last: only that one tells, the others follow. */
  static #active = null;
  #element;
  #history;
  #lines;
  #page;
  #uplot;
  #holes = [];
  /** The moment that the arrow keys went to, in seconds: it stays the same while time goes on. */
  #pinned = null;

  constructor(element, history, lines, axis, page) {
    this.#element = element;
    this.#history = history;
    this.#lines = lines;
    this.#page = page;
    this.#uplot = new uPlot(this.#options(axis), this.#data(), element);
    new ResizeObserver(() => this.#uplot.setSize(this.#size())).observe(element);
    element.addEventListener('pointerenter', () => {
      this.#pinned = null;
      Plot.#active = this;
    });
    element.addEventListener('keydown', (event) => this.#onKey(event));
    element.addEventListener('focus', () => this.#say(this.#history.length - 1));
    element.addEventListener('blur', () => this.#pin(null));
  }

  /** Draws them all, and points again where the reader points: time has moved on under the cursor. */
  static drawAll(plots, now) {
    for (const plot of plots) plot.#draw(now);
    Plot.#active?.#tell();
  }

  /** Puts the cursor on a sample; `null` takes it away. */
  point(index) {
    this.#place(index === null ? null : this.#history.times[index], false);
  }

  #draw(now) {
    this.#holes = this.#history.holes(now);
    // In a batch, so that the new scale is in force when it returns, and not a microtask later.
    this.#uplot.batch(() => this.#uplot.setData(this.#data()));
  }

  #tell() {
    if (this.#pinned !== null) this.#place(this.#pinned, true);
    else this.#page.onCursor(this.#uplot.cursor.idx ?? null, this);
  }

  #place(time, isTold) {
    const left = time === null ? -10 : this.#uplot.valToPos(time, 'x');
    this.#uplot.setCursor({ left, top: time === null ? -10 : 0 }, isTold);
  }

  #pin(time) {
    this.#pinned = time;
    Plot.#active = this;
    this.#place(time, true);
  }

  #data() {
    return [this.#history.times, ...this.#lines.map(({ valueIn }) => this.#history.column(valueIn))];
  }

  #size() {
    return { width: Math.max(120, this.#element.clientWidth), height: Math.max(80, this.#element.clientHeight) };
  }

  #options({ top, label, splits, incrs }) {
    const { range, onCursor } = this.#page;
    const shared = { font: FONT, stroke: () => color('--muted'), ticks: { show: false }, gap: 6 };
    const grid = { stroke: () => color('--grid'), width: 1 };
    return {
      ...this.#size(),
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: { x: { range }, y: { range: (_plot, _min, max) => [0, top(max ?? 0)] } },
      axes: [
        {
          ...shared,
          size: 22,
          space: 76,
          grid: { show: false },
          values: (plot, seconds) => seconds.map((time) => (this.#hasRoomAt(plot, time) ? clock(time) : '')),
        },
        {
          ...shared,
          size: 50,
          space: 34,
          grid,
          ...(splits && { splits: () => splits }),
          ...(incrs && { incrs }),
          values: (_plot, values) => values.map((value) => label(value)),
        },
      ],
      series: [
        {},
        ...this.#lines.map(({ stroke, fill, width = 1.5, isStepped }) => ({
          stroke,
          ...(fill && { fill }),
          ...(isStepped && { paths: uPlot.paths.stepped({ align: 1 }) }),
          width,
          points: { show: false },
        })),
      ],
      hooks: {
        drawClear: [(plot) => this.#shadeHoles(plot)],
        setCursor: [(plot) => Plot.#active === this && onCursor(plot.cursor.idx ?? null, this)],
      },
    };
  }

  /** A label beyond the right edge would be cut off. */
  #hasRoomAt(plot, time) {
    return plot.valToPos(time, 'x') < plot.over.clientWidth - LABEL_WIDTH / 2;
  }

  #shadeHoles(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = color('--hole');
    for (const [from, to] of this.#holes) {
      const left = plot.valToPos(from, 'x', true);
      ctx.fillRect(left, bbox.top, plot.valToPos(to, 'x', true) - left, bbox.height);
    }
    ctx.restore();
  }

  /** For who has no pointer: a plot is a slider over time. */
  #onKey(event) {
    const last = this.#history.length - 1;
    const first = this.#uplot.series[0].idxs?.[0] ?? 0;
    const at = Plot.#active === this ? (this.#uplot.cursor.idx ?? last) : last;
    const steps = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      PageUp: at - 10,
      PageDown: at + 10,
      Home: first,
      End: last,
    };
    if (event.key === 'Escape') this.#pin(null);
    if (!(event.key in steps) || last < 0) return;
    event.preventDefault();
    const index = Math.min(last, Math.max(first, steps[event.key]));
    this.#pin(this.#history.times[index]);
    this.#say(index);
  }

  #say(index) {
    const element = this.#element;
    if (index < 0) return;
    element.setAttribute('aria-valuemax', this.#history.length - 1);
    element.setAttribute('aria-valuenow', index);
    element.setAttribute('aria-valuetext', this.#page.describe(index));
  }
}

/** The time of day of a moment in seconds. */
export function clock(seconds) {
  return new Date(seconds * 1_000).toTimeString().slice(0, 8);
}
