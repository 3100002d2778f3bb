import type { Live } from '../../capture/live/live.js';
import type { LiveStatus } from '../../capture/live/status.js';
import type { Stderr } from '../stderr.js';
import { flow, ratesBetween, statusFields, statusParts } from './status-text.js';

export type StatusReporter = { stop(): void };

type StatusOptions = {
  readonly live: Pick<Live, 'status'>;
  readonly stderr: Stderr;
  /** Milliseconds between two log lines. */
  readonly every: number;
  /** Whether to draw on the terminal. */
  readonly isAnimated: boolean;
  readonly terminal: { readonly columns?: number; readonly rows?: number; write(text: string): unknown };
};

const REDRAW_EVERY = 500;
/** Number of redraws over which displayed rates are averaged. */
const RATE_SPAN = 10;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** Shows the status of a run: redrawn in place on a terminal, as log lines elsewhere. */
export function reportStatus(options: StatusOptions): StatusReporter {
  return options.isAnimated ? new StatusDisplay(options) : logStatus(options);
}

function logStatus({ live, stderr, every }: StatusOptions): StatusReporter {
  let before: LiveStatus | undefined;
  const timer = setInterval(() => {
    const status = live.status();
    stderr.log.info('stats', statusFields(status, ratesBetween(before, status)));
    before = status;
  }, every).unref();
  return { stop: () => clearInterval(timer) };
}

/** Starts at the beginning of the line: an echoed ^C moves the cursor. */
const HIDE = (rows: number) => (rows > 0 ? `\r\u001B[${rows}A\u001B[0J` : '');

/** A few lines at the bottom of the terminal; other lines on stderr scroll above them. */
class StatusDisplay implements StatusReporter {
  readonly #options: StatusOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #history: LiveStatus[] = [];
  #drawn: readonly string[] = [];

  constructor(options: StatusOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#redraw(), REDRAW_EVERY).unref();
    options.stderr.display = { hide: () => this.#hide(), show: () => this.#show() };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#options.stderr.display = undefined;
    this.#hide();
  }

  #redraw(): void {
    this.#history.push(this.#options.live.status());
    if (this.#history.length > RATE_SPAN) this.#history.shift();
    this.#hide();
    this.#show();
  }

  #show(): void {
    const status = this.#history.at(-1);
    if (!status) return;
    const { terminal } = this.#options;
    const parts = statusParts(status, ratesBetween(this.#history.length > 1 ? this.#history[0] : undefined, status));
    // Lines that scrolled off the top cannot be erased.
    const most = Math.max(1, (terminal.rows ?? DEFAULT_ROWS) - 1);
    this.#drawn = flow(parts, this.#columns - 1).slice(0, most);
    terminal.write(`${this.#drawn.join('\n')}\n`);
  }

  #hide(): void {
    // A narrower terminal has wrapped the drawn lines.
    const rows = this.#drawn.reduce((sum, { length }) => sum + Math.max(1, Math.ceil(length / this.#columns)), 0);
    this.#options.terminal.write(HIDE(rows));
    this.#drawn = [];
  }

  get #columns(): number {
    return this.#options.terminal.columns ?? DEFAULT_COLUMNS;
  }
}
