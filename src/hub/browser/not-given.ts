/** What the hub says for good: to ask again would bring the same answer. The last two: the address is too long. */
const FINAL = new Set([204, 400, 401, 403, 414, 431]);

export function isFinal(status: number): boolean {
  return FINAL.has(status);
}

/** Asks the hub for a stream of these channels, and resolves with the status of its answer. */
type StatusOf = (channels: readonly string[]) => Promise<number>;

/** Channels that the hub does not give. */
export interface NotGiven {
  /** Those that it refuses each for itself, with what it answers. */
  readonly refused: readonly (readonly [channel: string, status: number])[];
  /** Those that are too many beside the others, or make the address too long, and what it answers to that. */
  readonly excess: readonly string[];
  readonly status: number;
}

/**
 * Finds out which of the channels that are asked for the hub does not give beside others. Most are given, so they are asked for by halves.
 *
 * @returns null when the hub would give them all, or does not say.
 */
export async function findNotGiven(
  asked: readonly string[],
  given: readonly string[],
  statusOf: StatusOf,
): Promise<NotGiven | null> {
  let isSure = true;
  const ask: StatusOf = async (channels) => {
    const status = await statusOf(channels);
    isSure &&= isFinal(status) || (status >= 200 && status < 300);
    return status;
  };
  const status = await ask([...given, ...asked]);
  if (!isFinal(status)) return null;
  const refused = await refusedAlone(asked, ask, given.length === 0 ? status : await ask(asked));
  if (refused.length > 0) return isSure ? { refused, excess: [], status } : null;
  const most = await countThatFits(asked, given, ask);
  // Whatever stood in the way of all of them may have gone meanwhile: a proxy's fault, or the network's.
  const isStillTooMany = isFinal(await ask([...given, ...asked.slice(0, most + 1)]));
  return isSure && isStillTooMany ? { refused, excess: asked.slice(most), status } : null;
}

/** @param status - what is answered to all of these. */
async function refusedAlone(
  channels: readonly string[],
  statusOf: StatusOf,
  status: number,
): Promise<[channel: string, status: number][]> {
  if (!isFinal(status)) return [];
  if (channels.length === 1) return channels.map((channel) => [channel, status]);
  const half = Math.ceil(channels.length / 2);
  const found: [string, number][] = [];
  for (const part of [channels.slice(0, half), channels.slice(half)])
    found.push(...(await refusedAlone(part, statusOf, await statusOf(part))));
  return found;
}

/** How many of those that are asked for, in their order, go beside what is given. All do not. */
async function countThatFits(asked: readonly string[], given: readonly string[], statusOf: StatusOf): Promise<number> {
  let [fits, tooMany] = [0, asked.length];
  while (tooMany - fits > 1) {
    const half = Math.floor((fits + tooMany) / 2);
    if (isFinal(await statusOf([...given, ...asked.slice(0, half)]))) tooMany = half;
    else fits = half;
  }
  return fits;
}
