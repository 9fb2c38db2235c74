/** Numbers and times as texts. */

const counts = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const rates = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const times = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

export function count(number) {
  return counts.format(number);
}

export function rate(number) {
  return number >= 100 ? counts.format(number) : rates.format(number);
}

/** In steps of 1,024. */
export function bytes(number) {
  let unit = 0;
  let scaled = number;
  while (scaled >= 1_000 && unit < UNITS.length - 1) {
    scaled /= 1_024;
    unit++;
  }
  return `${unit === 0 || scaled >= 100 ? counts.format(scaled) : rates.format(scaled)} ${UNITS[unit]}`;
}

export function milliseconds(number) {
  if (number === 0) return '0 ms';
  if (number >= 1_000) return `${rates.format(number / 1_000)} s`;
  return `${number >= 10 ? counts.format(number) : number >= 1 ? rates.format(number) : number.toFixed(2)} ms`;
}

/** For the marks of an axis, which are round by themselves: rounded again, they could be the same. */
export function exactMilliseconds(number) {
  return number >= 1_000 ? `${number / 1_000} s` : `${number} ms`;
}

export function age(ms) {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${two(Math.floor((seconds % 3_600) / 60))} min`;
  return `${Math.floor(seconds / 86_400)} d ${two(Math.floor((seconds % 86_400) / 3_600))} h`;
}

/** @param ms - since the epoch. */
export function time(ms) {
  return times.format(ms);
}

function two(number) {
  return `${number}`.padStart(2, '0');
}
