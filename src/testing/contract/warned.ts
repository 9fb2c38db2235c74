/** What the process is warned of. */

const waiting = new Set<(text: string) => void>();

/** Resolves when the process is warned of this. Not by its event: Jest's stand-in for the process has none of them. */
export function warnedOf(text: string): Promise<void> {
  if (waiting.size === 0) listen();
  return new Promise((resolve) => {
    waiting.add(function hear(warned) {
      if (warned !== text) return;
      waiting.delete(hear);
      resolve();
    });
  });
}

/** Until nobody waits any more. */
function listen(): void {
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    emitWarning.call(process, warning, ...(rest as []));
    for (const hear of waiting) hear(typeof warning === 'string' ? warning : warning.message);
    if (waiting.size === 0) process.emitWarning = emitWarning;
  };
}
