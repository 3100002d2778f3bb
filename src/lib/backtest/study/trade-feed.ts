import { DistinctHashes, halvesOf } from '../../model/distinct-hashes.js';
import type { TypedChunk } from '../../storage/database/typed-chunks.js';
import { TAKER } from '../market-data.js';
import type { TradeColumns } from './trade-columns.js';

const NUMBERS = ['time', 'price', 'amount', 'taker', 'sequence', 'arrival'] as const;
const HASH = NUMBERS.length;
const ID = HASH + 1;
const CODE = ID + 1;
/** Below every sequence. */
const MISSING = -1e300;

/**
 * Returns the select list that a feed reads; `code` numbers the symbol. A missing sequence is `MISSING`, a missing arrival NaN. Ids
 * are hashed here: decoding millions of texts would take longer than everything else.
 */
export function tradeSelectList(code: string): string {
  return `epoch_us("timestamp")::DOUBLE, "price", "amount", CASE "side" WHEN 'buy' THEN ${TAKER.buy} WHEN 'sell' THEN ${TAKER.sell} ELSE ${TAKER.unknown} END::DOUBLE,
    coalesce("sequence"::DOUBLE, ${MISSING}), coalesce(epoch_us("local_timestamp")::DOUBLE, 'nan'::DOUBLE), hash("id"), "id", ${code}`;
}

type Rows = { readonly chunk: TypedChunk; readonly hashes: Uint32Array } & Readonly<
  Record<(typeof NUMBERS)[number], Float64Array>
>;

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
