import type { InputListener } from './input-listener.js';

/** Broken lines that are told one by one. */
const TOLD = 5;

/** Counts the lines of INPUT that are no records and tells the first few. */
export class BrokenLines implements InputListener {
  count = 0;
  readonly #tell: (reason: string) => void;

  constructor(tell: (reason: string) => void) {
    this.#tell = tell;
  }

  broken(reason: string): void {
    this.count += 1;
    if (this.count <= TOLD) this.#tell(reason);
    if (this.count === TOLD) this.#tell('further lines that cannot be read are only counted');
  }
}
