import { DistinctHashes, halvesOf } from '../../model/distinct-hashes.js';
import { isRounded } from '../../model/numbers.js';
import { EARLIEST, LATEST } from '../../model/time.js';
import type { TypedChunk } from '../../storage/database/typed-chunks.js';
import { TAKER } from '../market-data.js';
import type { TradeColumns } from './trade-columns.js';

const [DOT, PLUS, ZERO, NINE, SMALL_E, LARGE_E] = [46, 43, 48, 57, 101, 69] as const;
const NUMBERS = ['time', 'price', 'amount', 'taker', 'sequence', 'arrival'] as const;
const HASH = NUMBERS.length;
const ID = HASH + 1;
const CODE = ID + 1;
/** Below every sequence. */
const MISSING = -1e300;
/** Stands for a side that there is not. */
const NO_SIDE = -1;

/**
 * Returns the select list that a feed reads; `code` numbers the symbol. A missing sequence is `MISSING`, a missing arrival NaN. Ids
 * are hashed here: decoding millions of texts would take longer than everything else.
 */
export function tradeSelectList(code: string): string {
  const number = (expression: string) => `coalesce(${expression}::DOUBLE, 'nan'::DOUBLE)`;
  const taker = `CASE "side" WHEN 'buy' THEN ${TAKER.buy} WHEN 'sell' THEN ${TAKER.sell} ELSE CASE WHEN "side" IS NULL THEN ${TAKER.unknown} ELSE ${NO_SIDE} END END::DOUBLE`;
  return `${number('epoch_us("timestamp")')}, ${number('"price"')}, ${number('"amount"')}, ${taker},
    coalesce("sequence"::DOUBLE, ${MISSING}), ${number('epoch_us("local_timestamp")')}, hash("id"), "id", ${code}`;
}

type Rows = { readonly chunk: TypedChunk; readonly hashes: Uint32Array } & Readonly<
  Record<(typeof NUMBERS)[number], Float64Array>
>;

/**
 * Throws unless each row of `tradeSelectList` is a trade, and its sequence exact as a double: what `plausible` asks of a record. A
 * database takes more than half as long to check the rows as to read them.
 */
export function requireTrades(chunk: TypedChunk): void {
  const [time, price, amount, taker, sequence] = NUMBERS.map((_, column) => chunk.numbers(column)) as Float64Array[] as Checked;
  const heads = chunk.heads(ID);
  let isGood = !chunk.hasNulls(ID);
  for (let row = 0; row < chunk.rows && isGood; row++) {
    const at = time[row] as number;
    const order = sequence[row] as number;
    const isTraded = at >= EARLIEST && at < LATEST && isPositive(price[row] as number) && isPositive(amount[row] as number);
    const isExact = order === MISSING || (order >= 0 && order <= Number.MAX_SAFE_INTEGER);
    isGood = isTraded && isExact && taker[row] !== NO_SIDE;
    if (mayBeRounded(heads[4 * row + 1] as number) && isRounded(chunk.text(ID, row))) isGood = false;
  }
  if (!isGood) throw new Error('a row that is no trade');
}

type Checked = [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];

function isPositive(value: number): boolean {
  return value > 0 && value < Number.POSITIVE_INFINITY;
}

/** Returns whether a text that begins with these bytes may be a number with an exponent: few texts are read for it. */
function mayBeRounded(head: number): boolean {
  const second = (head >>> 8) & 255;
  if (second === DOT) return isDigit(head & 255);
  if ((second !== SMALL_E && second !== LARGE_E) || !isDigit(head & 255)) return false;
  const [third, fourth] = [(head >>> 16) & 255, head >>> 24];
  // A text that ends before has zeros here.
  return (third === PLUS || isDigit(third)) && (fourth === 0 || isDigit(fourth));
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** Adds chunks of `tradeSelectList` to the columns of their symbols. Trades of one time may lie in two files. */
export class TradeFeed {
  readonly #symbols = new Map<TradeColumns, TiedTrades>();

  /** Makes room for trades of a symbol that come next. */
  reserve(columns: TradeColumns, trades: number): void {
    columns.reserve(trades);
    this.#symbol(columns).reserve(trades);
  }

  /** Adds a chunk; `columns[code]` are those of a symbol. */
  add(chunk: TypedChunk, columns: readonly TradeColumns[]): void {
    const named = Object.fromEntries(NUMBERS.map((name, column) => [name, chunk.numbers(column)]));
    const rows = { ...named, chunk, hashes: halvesOf(chunk.bits(HASH)) } as unknown as Rows;
    const codes = chunk.integers(CODE);
    for (let from = 0; from < chunk.rows; ) {
      const code = codes[from] as number;
      let until = from + 1;
      while (until < chunk.rows && codes[until] === code) until += 1;
      this.#symbol(columns[code] as TradeColumns).add(rows, from, until);
      from = until;
    }
  }

  /** Completes the columns. Returns false when two trades of a symbol may have one id: the columns are of no use then. */
  finish(): boolean {
    return [...this.#symbols.values()].every((symbol) => symbol.finish());
  }

  #symbol(columns: TradeColumns): TiedTrades {
    const symbol = this.#symbols.get(columns) ?? new TiedTrades(columns);
    this.#symbols.set(columns, symbol);
    return symbol;
  }
}

/** Adds the trades of one symbol, and orders those of one time. The text of an id is read only where it decides. */
class TiedTrades {
  readonly #columns: TradeColumns;
  #hashes: DistinctHashes | undefined;
  #time = Number.NaN;
  /** The trades of the last time: the place of the first one in the columns, and their rows in the chunks. */
  #first = 0;
  #count = 0;
  readonly #rows: Rows[] = [];
  readonly #places: number[] = [];

  constructor(columns: TradeColumns) {
    this.#columns = columns;
  }

  reserve(trades: number): void {
    this.#hashes ??= new DistinctHashes(trades);
  }

  /** Adds the rows `[from, until)`. */
  add(rows: Rows, from: number, until: number): void {
    const place = this.#columns.count - from;
    this.#columns.append(rows, from, until);
    this.#hashes ??= new DistinctHashes(until - from);
    this.#hashes.add(rows.hashes, from, until);
    for (let row = from; row < until; row++) {
      const time = rows.time[row] as number;
      if (time !== this.#time) {
        if (this.#count > 1) this.#settle();
        [this.#time, this.#first, this.#count] = [time, place + row, 0];
      }
      this.#rows[this.#count] = rows;
      this.#places[this.#count++] = row;
    }
  }

  /** Returns whether every id is there once. */
  finish(): boolean {
    this.#settle();
    const isUnique = this.#hashes?.areDistinct() ?? true;
    this.#hashes = undefined;
    return isUnique;
  }

  /** Orders the trades of the last time as `compareTrades` does. */
  #settle(): void {
    const count = this.#count;
    let isInOrder = true;
    for (let index = 1; index < count && isInOrder; index++) isInOrder = this.#compare(index - 1, index) <= 0;
    if (isInOrder) return;
    const order = Array.from({ length: count }, (_, index) => index);
    this.#columns.reorder(
      this.#first,
      order.sort((a, b) => this.#compare(a, b)),
    );
  }

  #compare(first: number, second: number): number {
    const [a, b] = [this.#rows[first] as Rows, this.#rows[second] as Rows];
    const [i, j] = [this.#places[first] as number, this.#places[second] as number];
    const bySequence = (a.sequence[i] as number) - (b.sequence[j] as number);
    if (bySequence !== 0) return bySequence;
    const byArrival = (a.arrival[i] || 0) - (b.arrival[j] || 0) || sweepStep(a, i) - sweepStep(b, j);
    if (byArrival !== 0) return byArrival;
    const [id, otherId] = [a.chunk.text(ID, i), b.chunk.text(ID, j)];
    return id < otherId ? -1 : id > otherId ? 1 : 0;
  }
}

/** As `sweepStep` of `compareTrades`. */
function sweepStep({ arrival, sequence, taker, price }: Rows, row: number): number {
  if (!Number.isNaN(arrival[row]) || sequence[row] === MISSING) return 0;
  return taker[row] === TAKER.sell ? -(price[row] as number) : (price[row] as number);
}
