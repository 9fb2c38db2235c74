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
