import { ProgressLine, type ProgressOptions, remainingText, showWork, type Work } from '../../lib/cli/progress.js';

/** Progress of the sweeps of a backtest, one symbol after the other. */
export class SweepProgress {
  readonly #options: ProgressOptions;
  readonly #reading: Work;
  #line: ProgressLine | undefined;
  #name = '';
  #total = 0;
  #done = 0;
  #known = 0;

  /** Shows at first that the market is read. */
  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#reading = showWork(options, 'backtest');
  }

  begin(name: string, total: number): void {
    this.#reading.end();
    this.#line = new ProgressLine(this.#options);
    this.#name = name;
    this.#total = total;
    this.#done = 0;
    this.#known = 0;
  }

  /** Counts a run. One that is known from an earlier sweep takes no time, so the estimate ignores it. */
  done(isKnown: boolean): void {
    this.#done++;
    if (isKnown) this.#known++;
    const run = this.#done - this.#known;
    const share = run / (run + this.#total - this.#done);
    this.#line?.update(
      (elapsed) => `${this.#name}: ${this.#done} of ${this.#total} runs${run === 0 ? '' : remainingText(share, elapsed)}`,
    );
  }

  end(): void {
    this.#reading.end();
    this.#line?.end();
  }
}
