import { counted } from '../../model/counted.js';
import type { Key } from '../keys.js';
import { cut, plainNumber } from '../output/cell.js';
import type { Colors } from '../output/colors.js';
import { inColumns, type ScreenCell } from '../output/columns.js';
import type { BoardRow } from './market-board.js';

/** Fewest rows of a terminal that leave room for symbols. */
const FEWEST_ROWS = 6;
/** The change is that since the start of the run. */
const HEADS = ['symbol', 'last', 'since start', 'spread bps', 'trades/s', 'lag', 'gaps'];

/** The market on a terminal: which symbols are shown, and the keys that change it. */
export class MarketView {
  readonly #where: string;
  readonly #colors: Colors;
  readonly #hasKeys: boolean;
  #offset = 0;
  #filter = '';
  #isTyping = false;
  #frozen: readonly BoardRow[] | undefined;

  /** `where` says where the data goes. */
  constructor(where: string, colors: Colors, hasKeys: boolean) {
    this.#where = where;
    this.#colors = colors;
    this.#hasKeys = hasKeys;
  }

  /** Takes a key; returns whether it asks for the end. `rows` are the rows now. */
  press(key: Key, rows: () => readonly BoardRow[]): boolean {
    if (this.#isTyping) {
      this.#type(key);
      return false;
    }
    if (key === 'q') return true;
    if (key === 'p') this.#frozen = this.#frozen ? undefined : rows();
    else if (key === '/') [this.#isTyping, this.#filter] = [true, ''];
    else if (key === 'escape') [this.#filter, this.#offset] = ['', 0];
    else this.#offset = Math.max(0, this.#offset + (STEPS[key] ?? 0));
    return false;
  }

  /** Returns the lines: `status`, where the data goes, and as many symbols as fit. */
  lines(status: readonly string[], now: readonly BoardRow[], { width, rows }: { width: number; rows: number }): string[] {
    const head = [...status, cut(this.#where, width)];
    const room = rows - head.length - 2;
    if (rows < FEWEST_ROWS || room < 1) return head.slice(0, rows);
    const all = (this.#frozen ?? now).filter(({ symbol }) => symbol.includes(this.#filter.toUpperCase()));
    this.#offset = Math.min(this.#offset, Math.max(0, all.length - room));
    const shown = all.slice(this.#offset, this.#offset + room);
    const isMixed = new Set(now.map(({ exchange, market }) => `${exchange} ${market}`)).size > 1;
    const table = [HEADS.map((text) => ({ text })), ...shown.map((row) => this.#cells(row, isMixed))];
    const [heads, ...lines] = inColumns(table, width);
    const titles = now.length > 0 ? [this.#colors.heading(heads?.text ?? '')] : [];
    return [
      ...head,
      ...titles,
      ...lines.map(({ text }) => text),
      this.#colors.faint(cut(this.#foot(all.length, shown.length), width)),
    ];
  }

  #cells({ exchange, market, symbol, last, first, spread, rate, lag, gaps }: BoardRow, isMixed: boolean): ScreenCell[] {
    const change = last === undefined || first === undefined ? undefined : (last / first - 1) * 100;
    return [
      { text: isMixed ? `${symbol} ${exchange} ${market}` : symbol, paint: this.#colors.heading },
      { text: last === undefined ? '–' : plainNumber(last) },
      {
        text: change === undefined ? '–' : `${change > 0 ? '+' : ''}${change.toFixed(2)}%`,
        paint: (change ?? 0) < 0 ? this.#colors.bad : (change ?? 0) > 0 ? this.#colors.good : undefined,
      },
      { text: spread === undefined ? '–' : String(Number(spread.toPrecision(3))) },
      { text: rate >= 100 ? rate.toFixed(0) : rate.toFixed(1) },
      { text: lag === undefined ? '–' : `${Math.round(lag)} ms` },
      { text: String(gaps), paint: gaps > 0 ? this.#colors.bad : undefined },
    ];
  }

  #foot(all: number, shown: number): string {
    const more = all > shown ? `${shown} of ${counted(all, 'symbol')}` : counted(all, 'symbol');
    const filter = this.#isTyping ? `/${this.#filter}_` : this.#filter === '' ? '' : `filter ${this.#filter}, Esc lifts it`;
    const keys = this.#hasKeys ? 'q quit  p pause  / filter  ↑↓' : '';
    return [more, this.#frozen ? 'paused' : '', filter, keys].filter((text) => text !== '').join('   ');
  }

  #type(key: Key): void {
    if (key === 'enter') this.#isTyping = false;
    else if (key === 'escape') [this.#isTyping, this.#filter] = [false, ''];
    else if (key === 'backspace') this.#filter = this.#filter.slice(0, -1);
    else if (key.length === 1) this.#filter += key;
    this.#offset = 0;
  }
}

const STEPS: Readonly<Record<string, number>> = { up: -1, down: 1, pageup: -10, pagedown: 10 };
