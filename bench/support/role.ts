/** The child's side of a {@link Helper}: answers each message with one message. */

type Deeds = Record<string, (message: never) => object | Promise<object>>;

/** Plays a role: a message `{ do: 'start', … }` is answered with what `deeds.start` returns, or with the error that it throws. */
export function play(deeds: Deeds): void {
  process.on('message', async (message: { do?: string }) => {
    // A broker of a cluster speaks by the same channel.
    if (message.do === undefined) return;
    try {
      const deed = deeds[message.do];
      if (deed === undefined) throw new Error(`Unknown deed: ${JSON.stringify(message.do)}`);
      process.send?.(await deed(message as never));
    } catch (thrown) {
      process.send?.({ error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) });
    }
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ ready: true });
}
