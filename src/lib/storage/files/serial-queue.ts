/** A queue that runs one piece of work at a time, in the order of the calls. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();
  #length = 0;

  /** Pieces of work that have not ended. */
  get length(): number {
    return this.#length;
  }

  /** Returns the result of `work`, which begins when all earlier work has ended or failed. */
  run<T>(work: () => Promise<T>): Promise<T> {
    this.#length += 1;
    const result = this.#last.then(work).finally(() => {
      this.#length -= 1;
    });
    this.#last = result.catch(() => {});
    return result;
  }

  /** Resolves when all work queued so far has ended. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
