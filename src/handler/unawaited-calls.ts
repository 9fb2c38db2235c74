/**
 * Calls of a handler's that it need not wait for, such as `subscribe`: should one reject, that is reported unless somebody awaits
 * it, and takes no process with it.
 */
export class UnawaitedCalls {
  /** Of what has failed while it is too early to tell; null: it is not. */
  #waiting: (() => void)[] | null;

  /** @param isHeld - a hook runs that may still come to await what has failed: nothing is reported before {@link release}. */
  constructor(isHeld: boolean) {
    this.#waiting = isHeld ? [] : null;
  }

  /** Returns what stands for the call. */
  watch<Result>(call: Promise<Result>, report: (thrown: unknown) => void): Promise<Result> {
    const observed = new ObservedPromise<Result>((resolve) => resolve(call));
    call.catch((thrown) => {
      const reportIfUnawaited = () => {
        if (!observed.isObserved) report(thrown);
      };
      if (this.#waiting === null) reportIfUnawaited();
      else this.#waiting.push(reportIfUnawaited);
    });
    return observed;
  }

  release(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const reportIfUnawaited of waiting) reportIfUnawaited();
  }
}

/** A promise that knows whether anybody awaits it, or has put a handler on it. */
class ObservedPromise<Result> extends Promise<Result> {
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
