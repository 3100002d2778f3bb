import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LiveStatus } from '../../../../src/lib/capture/live/status.js';
import { reportStatus } from '../../../../src/lib/cli/live/status-report.js';

/** A control sequence, or one character. */
const PIECE = new RegExp(`${String.fromCharCode(27)}\\[\\d*[A-Z]|[\\s\\S]`, 'g');

/** A terminal that knows what the display uses: lines that break at its width, up, the beginning of a line, erase below. */
class Terminal {
  columns: number;
  readonly rows: number;
  lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    for (const [piece] of text.matchAll(PIECE)) {
      if (piece === '\n') this.#move(this.#row + 1, 0);
      else if (piece === '\r') this.#column = 0;
      else if (piece === '\u001B[0J') this.lines = [...this.lines.slice(0, this.#row), this.#line.slice(0, this.#column)];
      else if (piece.startsWith('\u001B'))
        this.#row = Math.max(this.lines.length - this.rows, 0, this.#row - Number(/\d+/.exec(piece)));
      else this.#put(piece);
    }
  }

  /** Breaks lines that have become too long, as terminals do. */
  narrow(columns: number): void {
    this.columns = columns;
    this.lines = this.lines.flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, 'g')) ?? ['']);
    this.#row = this.lines.length - 1;
  }

  get #line(): string {
    return this.lines[this.#row] ?? '';
  }

  #put(character: string): void {
    if (this.#column >= this.columns) this.#move(this.#row + 1, 0);
    this.lines[this.#row] = this.#line.slice(0, this.#column) + character + this.#line.slice(this.#column + 1);
    this.#column += 1;
  }

  #move(row: number, column: number): void {
    [this.#row, this.#column] = [row, column];
    this.lines[row] ??= '';
  }
}

const STATUS = {
  ...{
    seconds: 14,
    symbols: 5,
    connects: 2,
    repairing: 0,
    reconnects: 1,
    failures: 0,
    frames: 900,
    bytes: 90_000,
    duplicates: 0,
    gaps: 6,
  },
  ...{ refused: 0, rejected: 0, isReady: true, gapsByChannel: new Map(), repaired: { gaps: 3, trades: 20 } },
  connections: { wanted: 2, open: 2 },
  subscriptions: { pending: 0, confirmed: 15, refused: 0, stale: 0 },
  records: new Map(
    ['ticker', 'mark_price', 'open_interest', 'funding', 'book_snapshot', 'trade', 'gap'].map((type) => [type, 100]),
  ),
  queue: { waiting: 0, limit: 100, peak: 1, dropped: 0 },
  polls: { answered: 0, failed: 0 },
  lags: ['bybit linear', 'bitget linear'].map((market) => ({ market, p50: 4, p99: 60, offset: 0 })),
} satisfies LiveStatus;

describe('the status on a terminal', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function shownOn(terminal: Terminal) {
    const stderr = { display: undefined as { hide(): void; show(): void } | undefined };
    const options = { live: { status: () => STATUS }, stderr: stderr as never, every: 60_000, isAnimated: true, terminal };
    const report = reportStatus(options);
    const say = (line: string) => {
      stderr.display?.hide();
      terminal.write(`${line}\n`);
      stderr.display?.show();
    };
    vi.advanceTimersByTime(1_000);
    return { report, say };
  }

  it.each([
    [80, 24],
    [40, 12],
    [20, 6],
  ])('leaves nothing behind in a window of %i by %i, above what is said and when it ends', (columns, rows) => {
    const terminal = new Terminal(columns, rows);
    const { report, say } = shownOn(terminal);
    expect(terminal.lines.join(' ')).toContain('00:00:14');
    expect(terminal.lines.length).toBeLessThanOrEqual(rows);
    for (const line of terminal.lines) expect(line.length).toBeLessThan(columns);
    say('bybit: connected');
    vi.advanceTimersByTime(5_000);
    terminal.write('^C');
    say('SIGINT: stopping');
    report.stop();
    expect(terminal.lines).toEqual(['bybit: connected', 'SIGINT: stopping', '']);
  });

  it('takes away what a window that was made narrower has broken', () => {
    const terminal = new Terminal(80, 24);
    const { report, say } = shownOn(terminal);
    terminal.narrow(50);
    say('a line');
    report.stop();
    expect(terminal.lines).toEqual(['a line', '']);
  });
});
