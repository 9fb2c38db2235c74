import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs a command on our terminal, and waits for its end. A signal to us is for it.
 *
 * @param variables - environment variables beside ours.
 * @returns its exit status; as in a shell, 128 and the signal's number if a signal ended it, 127 if there is no such command.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<number> {
  let child: ChildProcess | null = null;
  const pass = (signal: NodeJS.Signals) => {
    // A terminal has sent Ctrl-C to the command as well.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child?.kill(signal);
  };
  // First, so that no signal ends us alone while the command starts.
  for (const signal of SIGNALS) process.on(signal, pass);
  try {
    child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...variables } });
    const [code, signal]: [number | null, NodeJS.Signals | null] = await once(child, 'exit').then(
      ([code, signal]) => [code, signal],
      (error: Error) => {
        console.error(error.message);
        return [127, null];
      },
    );
    return code ?? 128 + constants.signals[signal ?? 'SIGTERM'];
  } finally {
    for (const signal of SIGNALS) process.off(signal, pass);
  }
}
