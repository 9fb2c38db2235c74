/** A family's first lines: its help, and its type. */
const HEAD = /^# HELP (\S+) .*\n# TYPE \1 (\w+)$/gm;

/**
 * Turns Prometheus' text format into OpenMetrics: a counter is named without its `_total`, there is no blank line, and it ends
 * with `# EOF`. prom-client can write it as well, but renames the counters themselves for it, and for good.
 *
 * @see https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
export function toOpenMetrics(text: string): string {
  const renamed = text.replace(HEAD, (head: string, name: string, type: string) =>
    type === 'counter' ? head.replaceAll(` ${name} `, ` ${name.replace(/_total$/, '')} `) : head,
  );
  return `${renamed.replace(/\n{2,}/g, '\n').trimEnd()}\n# EOF\n`;
}
