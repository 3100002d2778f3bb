import { durationText } from './plan-rows.js';

export type ProgressOptions = {
  /** Whether stderr is a terminal that people read, and ours. */
  readonly isLive: boolean;
  readonly write: (text: string) => void;
  /** Tells something in a line of its own, where nothing is drawn. */
  readonly note: (text: string) => void;
  /** Milliseconds that have passed since some moment. */
  readonly elapsed: () => number;
  /** Takes what is to be hidden while something else is printed, undefined when that is over. */
  readonly attach: (display: { hide(): void; show(): void } | undefined) => void;
};

const DRAW_EVERY = 200;
const NOTE_EVERY = 60_000;
/** Below this share an estimate would only be noise. */
const LEAST_SHARE = 0.01;

/** Tells how far a run is and how long it will take: one line that is drawn over, or a line a minute. */
export class BackfillProgress {
  readonly #options: ProgressOptions;
  readonly #started: number;
  #told: number;
  #text = '';

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#started = options.elapsed();
    this.#told = this.#started;
    if (options.isLive) options.attach(this);
  }

  /** Takes the share that is done, from 0 to 1, and the records that have come. */
  update(share: number, records: number): void {
    const { isLive, elapsed, write, note } = this.#options;
    const now = elapsed();
    if (now - this.#told < (isLive ? DRAW_EVERY : NOTE_EVERY)) return;
    this.#told = now;
    const left =
      share < LEAST_SHARE ? '' : `, about ${durationText((((now - this.#started) / share) * (1 - share)) / 1_000)} left`;
    this.#text = `backfill: ${(share * 100).toFixed(1)} %, ${records} records${left}`;
    if (isLive) write(`\r\u001b[K${this.#text}`);
    else note(this.#text);
  }

  /** Takes the line away while something else is printed, and draws it again. */
  hide(): void {
    if (this.#options.isLive && this.#text !== '') this.#options.write('\r\u001b[K');
  }

  show(): void {
    if (this.#options.isLive && this.#text !== '') this.#options.write(this.#text);
  }

  end(): void {
    this.hide();
    this.#text = '';
    this.#options.attach(undefined);
  }
}
