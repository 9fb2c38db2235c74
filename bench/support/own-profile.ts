/** What the process spends its time in, as V8 samples it. For a server of a bench, about itself. */

import { Session } from 'node:inspector/promises';

const SAMPLED_EACH_US = 100;

/** A function, and how long it ran by itself: what it called is not in it. */
export interface SelfTime {
  readonly name: string;
  /** From the project's folder on, or `node:net`; `''`: native code. */
  readonly file: string;
  readonly us: number;
}

const session = new Session();

export async function startProfile(): Promise<object> {
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLED_EACH_US });
  await session.post('Profiler.start');
  return {};
}

/** The functions in which it has been since {@link startProfile}; it has been idle, or in the profiler, for the rest. */
export async function stopProfile(): Promise<{ functions: SelfTime[] }> {
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  const nodes = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const functions = new Map<string, SelfTime>();
  profile.samples?.forEach((id, sample) => {
    const { functionName, url, lineNumber } = nodes.get(id)!;
    const [name, file] = [functionName || '(anonymous)', url.replace(/^.*\/dist\//, 'dist/')];
    if (name === '(idle)' || (name === 'dispatch' && file === '')) return;
    const key = `${name} ${file}:${lineNumber}`;
    const us = (functions.get(key)?.us ?? 0) + (profile.timeDeltas?.[sample] ?? 0);
    functions.set(key, { name, file, us });
  });
  return { functions: [...functions.values()] };
}
