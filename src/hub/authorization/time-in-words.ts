const UNITS: readonly [ms: number, name: string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
];

/** A span of time in its largest unit that says enough: `90 s`, `12 min`, `47 h`, `3 d`; less than a second in `ms`. */
export function inWords(ms: number): string {
  const [size, name] = UNITS.find(([unit]) => ms >= 2 * unit) ?? (ms >= 1_000 ? [1_000, 's'] : [1, 'ms']);
  return `${Math.floor(ms / size)} ${name}`;
}
