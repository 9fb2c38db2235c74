import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

/** Makes a folder that is gone when the spec has ended. What the spec opens in it, it closes by a teardown of its own. */
export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tradewind-spec-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
