import type { ExecutionContext } from 'ava';
import { createClient } from 'redis';

/** Sends commands to a Redis, as an administrator or another program does, until the test ends. */
export async function redisAdmin(
  t: ExecutionContext,
  url: string,
): Promise<(...command: string[]) => Promise<unknown>> {
  const client = createClient({ url });
  client.on('error', () => {});
  await client.connect();
  t.teardown(() => client.destroy());
  return (...command) => client.sendCommand(command);
}

/** Resolves when a Redis has been sent a command so many times from now on, by whomever. */
export async function redisHears(t: ExecutionContext, url: string, command: string, times: number): Promise<void> {
  const client = createClient({ url });
  client.on('error', () => {});
  await client.connect();
  t.teardown(() => client.destroy());
  await new Promise<void>((resolve) => {
    let heard = 0;
    void client.monitor((line) => {
      if (line.toString().toLowerCase().includes(`"${command}"`) && ++heard === times) resolve();
    });
  });
}
