/**
 * A promise that knows whether anybody awaits it, or has put a handler on it. One that nobody does may reject all the same, and
 * takes no process with it: whoever made it sees to that.
 */
export class ObservedPromise<Result> extends Promise<Result> {
  isObserved = false;

  constructor(executor: ConstructorParameters<typeof Promise<Result>>[0]) {
    super(executor);
    super.then(undefined, () => {});
  }

  /** What comes of it is a promise as any other. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // An `await` comes this way too: it would not, were it of the class Promise itself.
  // biome-ignore lint/suspicious/noThenProperty: it is a promise.
  override then<Fulfilled = Result, Rejected = never>(
    onFulfilled?: ((value: Result) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    this.isObserved = true;
    return super.then(onFulfilled, onRejected);
  }
}
