/** What progress needs to draw itself. */
export type ProgressOptions = {
  /** Whether stderr is a terminal that people read. */
  readonly isLive: boolean;
  readonly write: (text: string) => void;
  /** Tells something in a line of its own, where nothing is drawn. */
  readonly note: (text: string) => void;
  /** Milliseconds that have passed since some moment. */
  readonly elapsed: () => number;
};

/** A sweep that nobody watches tells of itself this often, milliseconds. */
const NOTE_EVERY = 60_000;
const DRAW_EVERY = 200;

/** Tells how far a sweep has come and how long it will take: one line that is drawn over, or a line a minute. */
export class SweepProgress {
  readonly #options: ProgressOptions;
  #name = '';
  #total = 0;
  #done = 0;
  #known = 0;
  #started = 0;
  #told = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  begin(name: string, total: number): void {
    this.#name = name;
    this.#total = total;
    this.#done = 0;
    this.#known = 0;
    this.#started = this.#options.elapsed();
    this.#told = this.#started;
  }

  /** Counts a run; one that an earlier sweep had done says nothing about the time. */
  done(isKnown: boolean): void {
    this.#done++;
    if (isKnown) this.#known++;
    const { isLive, elapsed, write, note } = this.#options;
    const now = elapsed();
    if (now - this.#told < (isLive ? DRAW_EVERY : NOTE_EVERY)) return;
    this.#told = now;
    if (isLive) write(`\r\u001b[K${this.#text(now)}`);
    else note(this.#text(now));
  }

  end(): void {
    if (this.#options.isLive && this.#total > 0) this.#options.write('\r\u001b[K');
  }

  #text(now: number): string {
    const run = this.#done - this.#known;
    const left = run === 0 ? undefined : ((now - this.#started) / run) * (this.#total - this.#done);
    const estimate = left === undefined ? '' : `, ${Math.ceil(left / 1000)} s left`;
    return `${this.#name}: ${this.#done} of ${this.#total} runs${estimate}`;
  }
}
