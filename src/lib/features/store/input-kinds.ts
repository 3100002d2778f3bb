import type { RecordType } from '../../model/records.js';
import type { SymbolIdentity } from '../micro-series.js';
import type { SecondInput } from '../second-inputs.js';
import { DEPTH, quotesOfSums } from '../top-of-book.js';

/** The inputs of seconds by columns, in order of time; those of one time in the order of `KINDS`. */
export type InputTable = {
  readonly symbols: readonly SymbolIdentity[];
  /** Funding rates that were paid (from `from` on), which no second uses. */
  readonly settled: number;
  /** Yields the inputs. */
  chunks(): AsyncIterable<InputChunk>;
  /** Forgets the inputs. */
  drop(): Promise<void>;
};

/** Some inputs, one behind the other. */
export type InputChunk = {
  readonly rows: number;
  readonly times: Float64Array;
  /** Returns the index of a row's symbol. */
  symbol(row: number): number;
  /** Returns what a second takes of a row; of a trade, until the next one is asked for. */
  input(row: number): SecondInput;
};

/** Relations by type; types without one have no records. */
export type InputRelations = ReadonlyMap<RecordType, string>;

export const SERIES = ['exchange', 'market', 'symbol'];

/** What a second takes of each type, as at most six doubles. The order is that of inputs of one time. */
export const KINDS: readonly { readonly type: RecordType; readonly values: readonly string[] }[] = [
  {
    type: 'book_snapshot',
    values: ['"bids"[1][1]', '"bids"[1][2]', '"asks"[1][1]', '"asks"[1][2]', amounts('"bids"'), amounts('"asks"')],
  },
  { type: 'ticker', values: ['"bid"', '"bid_amount"', '"ask"', '"ask_amount"'] },
  { type: 'mark_price', values: ['"mark"', '"index"'] },
  { type: 'open_interest', values: ['"amount"', '"amount_both_sides"'] },
  { type: 'funding', values: ['"rate"'] },
  { type: 'trade', values: ['"price"', '"amount"', `CASE "side" WHEN 'buy' THEN 1 WHEN 'sell' THEN 0 END`] },
];
export const BOOK = 0;
export const TRADE = KINDS.length - 1;
/** Of the third there are trades of archives that do not say it. */
const SIDES = ['sell', 'buy', undefined] as const;

/** The types that an input table takes. */
export const TABLE_TYPES: readonly RecordType[] = KINDS.map(({ type }) => type);

/** Returns the sum of the amounts of a side's first levels, added from the best on as `amountOf` adds them. */
function amounts(side: string): string {
  const terms = Array.from({ length: DEPTH }, (_, index) => {
    return `CASE WHEN len(${side}) > ${index} THEN ${side}[${index + 1}][2] ELSE 0 END`;
  });
  return terms.join(' + ');
}

/** A trade that gets the values of each in turn: an object for each of a million trades would cost more than its sums. */
const TRADE_INPUT = {
  type: 'trade' as const,
  timestamp: 0,
  localTimestamp: undefined as number | undefined,
  price: 0,
  amount: 0,
  side: undefined as 'buy' | 'sell' | undefined,
};

/** Returns what a second takes of the row of some columns, in the order of `KINDS[kind].values`; NaN stands for NULL. */
export function inputOf(
  kind: number,
  timestamp: number,
  local: number,
  columns: readonly Float64Array[],
  row: number,
): SecondInput {
  const localTimestamp = local || undefined;
  const a = numberAt(columns[0], row);
  if (kind === TRADE) {
    TRADE_INPUT.timestamp = timestamp;
    TRADE_INPUT.localTimestamp = localTimestamp;
    TRADE_INPUT.price = a as number;
    TRADE_INPUT.amount = (columns[1] as Float64Array)[row] as number;
    TRADE_INPUT.side = SIDES[numberAt(columns[2], row) ?? 2];
    return TRADE_INPUT;
  }
  if (kind === 4) return { type: 'funding', timestamp, localTimestamp, rate: a as number };
  const b = numberAt(columns[1], row);
  if (kind === 2) return { type: 'mark_price', timestamp, localTimestamp, mark: a as number, index: b };
  if (kind === 3) return { type: 'open_interest', timestamp, localTimestamp, amount: a, amountBothSides: b };
  const c = numberAt(columns[2], row);
  const d = numberAt(columns[3], row);
  if (kind !== BOOK) return { type: 'ticker', timestamp, localTimestamp, bid: a, bidAmount: b, ask: c, askAmount: d };
  const [bids, asks] = [(columns[4] as Float64Array)[row] as number, (columns[5] as Float64Array)[row] as number];
  const quotes = quotesOfSums({ bid: a, bidAmount: b, ask: c, askAmount: d }, bids, asks);
  return { type: 'book_snapshot', timestamp, localTimestamp, quotes };
}

function numberAt(column: Float64Array | undefined, row: number): number | undefined {
  const value = (column as Float64Array)[row] as number;
  return Number.isNaN(value) ? undefined : value;
}
