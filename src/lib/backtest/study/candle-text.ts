import { stat } from 'node:fs/promises';
import { RowReader } from '../../input/csv-input.js';
import { readText } from '../../input/lines.js';
import { scanInteger, scanNumber } from '../../input/number-cell.js';
import { MdtoolError } from '../../model/errors.js';
import { type Candle, columnsOf } from '../../model/records.js';
import { EARLIEST, LATEST } from '../../model/time.js';
import { CANDLE_STATE, type CandleColumns, type CandleSeries, candleState, type Opening, openingOf } from './candle-columns.js';
import type { MarketReader } from './market-reader.js';

const [NEWLINE, COMMA] = ['\n', ','].map((character) => character.charCodeAt(0)) as [number, number];
const LONGEST_LINE = 1 << 16;
/** Rows that are added at once. */
const BATCH = 4096;

/** The numbers of a row. The first ones have the places of `CANDLE_NUMBERS`. */
const SLOTS = [
  ...['timestamp', 'open', 'high', 'low', 'close', 'volume', 'local_timestamp', 'complete'],
  ...['closed', 'turnover', 'buy_volume', 'trades'],
] as const;
const [VOLUME, ARRIVAL, COMPLETE, CLOSED, TURNOVER, BUY_VOLUME, TRADES] = [5, 6, 7, 8, 9, 10, 11] as const;

const [NAME, NUMBER, INTEGER, FLAG] = [0, 1, 2, 3] as const;
/** How the cells of a column are read. A name is that of the first row in each row: it is compared, and not read. */
type Cell = { readonly kind: number; readonly slot: number; readonly name: Buffer };
type FirstRow = {
  readonly candle: Candle;
  readonly cells: readonly Cell[];
  /** Where it begins, and its bytes. */
  readonly at: number;
  readonly length: number;
};

/**
 * Adds the candles of a CSV file of one series to a reader, in a third of the time in which a database reads all columns.
 * Returns false, with nothing added, when its beginning is not plainly that of such a file. Throws when a later row is not, and
 * when the rows do not fit the budget of the reader: the file has then to be read in another way, which says what is wrong.
 *
 * It takes less than the other readers take: no quote, no blank, no CR, no sign, the names of the first row throughout. So what
 * it takes means the same to all of them.
 */
export async function addCandleText(path: string, reader: MarketReader): Promise<boolean> {
  if (!/\.csv(\.gz)?$/i.test(path)) return false;
  let rows: CandleRows | undefined;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of readText(path)) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    let from = 0;
    if (!rows) {
      const first = firstRow(chunk, path);
      if (!first) return false;
      rows = new CandleRows(reader, first, await expectedRows(path, first));
      from = first.at;
    } else if (rest.length > 0 && end > 0) {
      from = chunk.indexOf(NEWLINE) + 1;
      rows.add(Buffer.concat([rest, chunk.subarray(0, from)]), 0);
    }
    rows.add(chunk.subarray(0, end), from);
    rest = end > 0 ? chunk.subarray(end) : Buffer.concat([rest, chunk]);
    if (rest.length > LONGEST_LINE) throw inDoubt();
  }
  if (rest.length > 0) rows?.add(Buffer.concat([rest, Buffer.from('\n')]), 0);
  rows?.flush();
  return rows !== undefined;
}

/** Rows are about as long as the first one. Of a compressed file there are more, and the columns grow. */
async function expectedRows(path: string, { length }: FirstRow): Promise<number> {
  // A member of an archive has no size of its own.
  const size = await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
  return Math.ceil((size / length) * 1.1);
}

/** Never shown: the way after this one says what is wrong with the file. */
function inDoubt(): Error {
  return new Error('a row in doubt');
}

/** Returns the first row as the reader of records has it, and how each of its columns is read; undefined for another text. */
function firstRow(bytes: Buffer, path: string): FirstRow | undefined {
  const at = bytes.indexOf(NEWLINE) + 1;
  const end = bytes.indexOf(NEWLINE, at);
  if (at === 0 || end < 0 || end > LONGEST_LINE) return undefined;
  const header = bytes.toString('latin1', 0, at - 1).split(',');
  const texts = bytes.toString('latin1', at, end).split(',');
  const kinds = new Map([['type', 'text'], ...columnsOf('candle').map(([name, { kind }]) => [name, kind] as const)]);
  if (!header.every((name) => kinds.has(name)) || !texts.every((text) => /^[\w.:/-]*$/.test(text))) return undefined;
  const candle = candleOf(header, texts, path);
  if (!candle) return undefined;
  const cells = header.map((name, index): Cell => {
    const kind = { text: NAME, flag: FLAG, time: INTEGER }[kinds.get(name) as string] ?? NUMBER;
    return {
      kind, // A place that an array has not, such as -1, is slow to look up.
      slot: Math.max(0, (SLOTS as readonly string[]).indexOf(name)),
      name: Buffer.from(texts[index] as string),
    };
  });
  return { candle, cells, at, length: end + 1 - at };
}

function candleOf(header: readonly string[], texts: readonly string[], path: string): Candle | undefined {
  try {
    const record = new RowReader(header, path).read(texts, () => {});
    return record?.type === 'candle' ? record : undefined;
  } catch (error) {
    if (error instanceof MdtoolError) return undefined;
    throw error;
  }
}

/** Reads rows and adds them to the series of the first one. */
class CandleRows {
  readonly #reader: MarketReader;
  readonly #candles: CandleColumns;
  readonly #cells: readonly Cell[];
  readonly #candle: Candle;
  readonly #opening: Opening;
  readonly #expected: number;
  #series: CandleSeries | undefined;
  /** By `SLOTS`; a column that the file lacks stays NaN. */
  readonly #batch = SLOTS.map(() => new Float64Array(BATCH).fill(Number.NaN));
  #rows = 0;

  /** `expected` rows take no growing; memory is not taken before it is written to. */
  constructor(reader: MarketReader, { candle, cells }: FirstRow, expected: number) {
    this.#reader = reader;
    this.#candles = reader.market(candle).candles;
    this.#cells = cells;
    this.#candle = candle;
    this.#expected = expected;
    this.#opening = openingOf(candle.interval);
  }

  /** Adds the rows of whole lines from `from` on. */
  add(lines: Buffer, from: number): void {
    for (let at = from; at < lines.length; ) {
      at = this.#scan(lines, at);
      this.#take();
      if (this.#rows === BATCH) this.flush();
    }
  }

  /** Adds what is left of the rows so far. */
  flush(): void {
    if (this.#rows === 0) return;
    this.#reader.budget.take('candle', this.#rows);
    this.#series ??= this.#open();
    const [arrivals, completes] = [this.#batch[ARRIVAL] as Float64Array, this.#batch[COMPLETE] as Float64Array];
    for (let row = 0; row < this.#rows; row++) {
      arrivals[row] ||= 0;
      completes[row] = completes[row] === 0 ? 1 : 0;
    }
    this.#series.append(this.#batch, 0, this.#rows);
    this.#rows = 0;
    // The next rows find a column that the file lacks as it was.
    arrivals.fill(Number.NaN);
    completes.fill(Number.NaN);
  }

  #open(): CandleSeries {
    const series = this.#candles.series(this.#candle.interval, this.#candle.source);
    series.reserve(this.#expected);
    return series;
  }

  /** Reads the line at `from` into the next row; returns where the next line begins. */
  #scan(bytes: Buffer, from: number): number {
    const cells = this.#cells;
    const row = this.#rows;
    let at = from;
    for (let index = 0; index < cells.length; index++) {
      const { kind, slot, name } = cells[index] as Cell;
      const column = this.#batch[slot] as Float64Array;
      if (kind === NUMBER) at = scanNumber(bytes, at, column, row);
      else if (kind === NAME) at = pass(bytes, at, name);
      else if (kind === INTEGER) at = scanInteger(bytes, at, column, row);
      else at = scanFlag(bytes, at, column, row);
      if (bytes[at++] !== (index === cells.length - 1 ? NEWLINE : COMMA)) throw inDoubt();
    }
    return at;
  }

  /** Takes the row that was read, counts one that is not used. */
  #take(): void {
    const batch = this.#batch;
    const row = this.#rows;
    const state = candleState(batch, row, (batch[CLOSED] as Float64Array)[row] as number, this.#opening);
    const arrival = (batch[ARRIVAL] as Float64Array)[row] as number;
    const isDoubtful = state === CANDLE_STATE.doubtful || arrival < EARLIEST || arrival >= LATEST;
    if (isDoubtful || !hasPlausibleAmounts(batch, row)) throw inDoubt();
    if (state === CANDLE_STATE.open) this.#candles.counts.open++;
    else if (state === CANDLE_STATE.empty) this.#candles.counts.empty++;
    else this.#rows++;
  }
}

/** Returns whether the amounts are what `checkedCandle` asks for: a share of the volume may be rounded. */
function hasPlausibleAmounts(batch: readonly Float64Array[], row: number): boolean {
  const of = (slot: number) => (batch[slot] as Float64Array)[row] as number;
  const [volume, trades] = [of(VOLUME), of(TRADES)];
  if (of(TURNOVER) === Number.POSITIVE_INFINITY || of(BUY_VOLUME) > volume * (1 + 1e-9)) return false;
  return Number.isNaN(trades) || (Number.isSafeInteger(trades) && !(trades === 0 && volume > 0));
}

/** Returns the place behind a name, before the text where another one is. */
function pass(bytes: Buffer, at: number, name: Buffer): number {
  for (let index = 0; index < name.length; index++) if (bytes[at + index] !== name[index]) return -1;
  return at + name.length;
}

const [TRUE, FALSE] = [Buffer.from('true'), Buffer.from('false')];

/** Reads `true` as 1 and `false` as 0; an empty cell is NaN. */
function scanFlag(bytes: Buffer, at: number, out: Float64Array, slot: number): number {
  const first = bytes[at];
  out[slot] = first === TRUE[0] ? 1 : first === FALSE[0] ? 0 : Number.NaN;
  return first === TRUE[0] ? pass(bytes, at, TRUE) : first === FALSE[0] ? pass(bytes, at, FALSE) : at;
}
