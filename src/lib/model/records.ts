import * as derived from './derived-records.js';
import * as market from './market-records.js';
import * as account from './private-records.js';
import type { Column, Columns, Shape } from './schema.js';

/** Every record type and its columns, in the order of the reference. */
export const SCHEMA = {
  instrument: market.instrument,
  trade: market.trade,
  ticker: market.ticker,
  book_snapshot: market.book_snapshot,
  book_delta: market.book_delta,
  mark_price: market.mark_price,
  open_interest: market.open_interest,
  funding: market.funding,
  liquidation: market.liquidation,
  candle: market.candle,
  gap: market.gap,
  clock: market.clock,
  micro: derived.micro,
  features: derived.features,
  signal: derived.signal,
  coverage: market.coverage,
  grid_level: derived.grid_level,
  grid_plan: derived.grid_plan,
  fill: account.fill,
  equity: derived.equity,
  run: derived.runRecord,
  balance: account.balance,
  position: account.position,
  order: account.order,
  event: account.event,
} as const satisfies Record<string, Columns>;

export type RecordType = keyof typeof SCHEMA;

export const RECORD_TYPES = Object.keys(SCHEMA) as RecordType[];

/** A record of one type; its fields follow from the schema. */
export type RecordOf<Type extends RecordType> = { readonly type: Type } & Shape<(typeof SCHEMA)[Type]>;

/** Any record that a step reads or writes. It never changes after it was emitted. */
export type AnyRecord = { [Type in RecordType]: RecordOf<Type> }[RecordType];

export type Instrument = RecordOf<'instrument'>;
export type Trade = RecordOf<'trade'>;
export type Ticker = RecordOf<'ticker'>;
export type BookSnapshot = RecordOf<'book_snapshot'>;
export type BookDelta = RecordOf<'book_delta'>;
export type MarkPrice = RecordOf<'mark_price'>;
export type OpenInterest = RecordOf<'open_interest'>;
export type Funding = RecordOf<'funding'>;
export type Liquidation = RecordOf<'liquidation'>;
export type Candle = RecordOf<'candle'>;
export type Gap = RecordOf<'gap'>;
export type Clock = RecordOf<'clock'>;
export type Coverage = RecordOf<'coverage'>;
export type GridLevel = RecordOf<'grid_level'>;
export type GridPlan = RecordOf<'grid_plan'>;
export type Signal = RecordOf<'signal'>;
export type Fill = RecordOf<'fill'>;
export type Equity = RecordOf<'equity'>;
export type Run = RecordOf<'run'>;
export type Balance = RecordOf<'balance'>;
export type Position = RecordOf<'position'>;
export type Order = RecordOf<'order'>;
export type EventRecord = RecordOf<'event'>;

export type Market = (typeof market.MARKETS)[number];
export type Side = (typeof market.SIDES)[number];
export type InstrumentKind = (typeof market.KINDS)[number];
export type InstrumentStatus = (typeof market.STATUSES)[number];
export type { GapReason } from './market-records.js';
export type { FillCause, Mode, OrderStatus, PositionSide } from './private-records.js';

export const MARKETS: readonly Market[] = market.MARKETS;

/** Types that accompany the data of every stream: they report gaps, time and what people should know. */
export const IN_BAND_TYPES: ReadonlySet<RecordType> = new Set(['gap', 'clock', 'event']);

/** Returns the columns of a type as `[name, column]` in output order, without `type`. */
export function columnsOf(type: RecordType): [name: string, column: Column][] {
  return Object.entries(SCHEMA[type]);
}

const KEYS: Partial<Record<RecordType, readonly string[]>> = {
  trade: ['exchange', 'market', 'symbol', 'id'],
  candle: ['exchange', 'market', 'symbol', 'source', 'interval', 'timestamp'],
  micro: ['exchange', 'market', 'symbol', 'timestamp'],
  features: ['exchange', 'market', 'symbol', 'timestamp'],
  signal: ['id'],
  instrument: ['exchange', 'market', 'symbol', 'timestamp'],
  // Fills of a backtest have the first two, fills of an exchange the last.
  fill: ['exchange', 'market', 'symbol', 'run_id', 'number', 'mode', 'trade_id'],
  equity: ['exchange', 'market', 'symbol', 'run_id', 'timestamp'],
  run: ['exchange', 'market', 'symbol', 'run_id'],
  balance: ['exchange', 'market', 'account', 'mode', 'asset', 'timestamp'],
  position: ['exchange', 'market', 'symbol', 'account', 'mode', 'position_side', 'timestamp'],
  order: ['exchange', 'market', 'symbol', 'account', 'mode', 'order_id', 'client_id', 'timestamp', 'status', 'filled'],
  event: ['run', 'account', 'mode', 'exchange', 'seq', 'timestamp'],
};

/** Types that are either captured live, with an arrival time, or fetched as history, without one. */
const FETCHED_KEY = ['exchange', 'market', 'symbol', 'timestamp'];
const CAPTURED_KEY = ['exchange', 'market', 'symbol', 'local_timestamp'];
const FETCHABLE: ReadonlySet<RecordType> = new Set(['funding', 'open_interest', 'mark_price']);

/** Returns the columns that identify a record: of two with the same key the later `local_timestamp` wins. */
export function keyOf(type: RecordType, captured: boolean): readonly string[] {
  return KEYS[type] ?? (FETCHABLE.has(type) && !captured ? FETCHED_KEY : CAPTURED_KEY);
}

/** Groups records by type; each group keeps the order of its records. */
export function groupByType(records: readonly AnyRecord[]): Map<RecordType, AnyRecord[]> {
  const groups = new Map<RecordType, AnyRecord[]>();
  for (const record of records) {
    const group = groups.get(record.type);
    if (group) group.push(record);
    else groups.set(record.type, [record]);
  }
  return groups;
}
