/** Runs pieces of work one after the other, in the order given. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();
  #length = 0;

  /** How many pieces have not ended. */
  get length(): number {
    return this.#length;
  }

  /** Returns the result of `work`, which begins when all earlier work has ended, also if that failed. */
  run<T>(work: () => Promise<T>): Promise<T> {
    this.#length += 1;
    const result = this.#last.then(work).finally(() => {
      this.#length -= 1;
    });
    this.#last = result.catch(() => {});
    return result;
  }

  /** Resolves when everything given so far has ended. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
