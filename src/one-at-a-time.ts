/** Runs asynchronous work one piece after the other, in the order of the calls; the first one at once. */
export class OneAtATime {
  #last: Promise<unknown> | null = null;

  /** Resolves, or rejects, as `work` does. What comes next runs either way. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last === null ? work() : this.#last.then(work);
    const last = result.then(
      () => {},
      () => {},
    );
    this.#last = last;
    // When nothing waits any more, the next need not wait for a turn either.
    void last.then(() => {
      if (this.#last === last) this.#last = null;
    });
    return result;
  }
}
