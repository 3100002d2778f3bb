import { stripVTControlCharacters } from 'node:util';
import type { Stderr } from './stderr.js';

/** What is drawn on. */
export type ScreenTerminal = {
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
};

type ScreenOptions = {
  readonly stderr: Pick<Stderr, 'display'>;
  readonly terminal: ScreenTerminal;
  /** Milliseconds between two redraws. */
  readonly every: number;
  /** Called before each redraw. */
  readonly tick?: (() => void) | undefined;
  /** Returns the lines to draw, colours included; none is drawn beyond the room. */
  readonly lines: (room: { readonly width: number; readonly rows: number }) => readonly string[];
};

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;
const ERASE_BELOW = '\u001B[0J';

/** Lines at the bottom of a terminal that are drawn again and again; other lines on stderr scroll above them. */
export class Screen {
  readonly #options: ScreenOptions;
  readonly #timer: NodeJS.Timeout;
  #drawn: readonly string[] = [];

  constructor(options: ScreenOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.redraw(), options.every).unref();
    options.stderr.display = { hide: () => this.#hide(), show: () => this.#show() };
  }

  redraw(): void {
    this.#options.tick?.();
    this.#options.terminal.write(`${this.#erasing()}${this.#drawing()}`);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#options.stderr.display = undefined;
    this.#hide();
  }

  #show(): void {
    this.#options.terminal.write(this.#drawing());
  }

  #hide(): void {
    this.#options.terminal.write(this.#erasing());
    this.#drawn = [];
  }

  #drawing(): string {
    // Lines that scrolled off the top cannot be erased.
    const rows = Math.max(1, (this.#options.terminal.rows ?? DEFAULT_ROWS) - 1);
    this.#drawn = this.#options.lines({ width: this.#columns - 1, rows }).slice(0, rows);
    return this.#drawn.length === 0 ? '' : `${this.#drawn.join('\n')}\n`;
  }

  /** Begins at the start of the line: an echoed ^C moves the cursor. */
  #erasing(): string {
    // A narrower terminal has wrapped the drawn lines.
    const lengths = this.#drawn.map((line) => stripVTControlCharacters(line).length);
    const rows = lengths.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / this.#columns)), 0);
    return rows > 0 ? `\r\u001B[${rows}A${ERASE_BELOW}` : '';
  }

  get #columns(): number {
    return this.#options.terminal.columns ?? DEFAULT_COLUMNS;
  }
}
