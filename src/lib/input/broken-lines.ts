import type { InputListener } from './input-listener.js';

/** Maximum number of broken lines that are reported one by one. */
const REPORTED = 5;

/** Counts the lines of INPUT that are not records, and reports the first few. */
export class BrokenLines implements InputListener {
  count = 0;
  readonly #report: (reason: string) => void;

  constructor(report: (reason: string) => void) {
    this.#report = report;
  }

  noted(message: string): void {
    this.#report(message);
  }

  broken(reason: string): void {
    this.count += 1;
    if (this.count <= REPORTED) this.#report(reason);
    if (this.count === REPORTED + 1) this.#report('further unreadable lines are counted without a message');
  }
}
