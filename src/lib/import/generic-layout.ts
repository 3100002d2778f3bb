import { UsageError } from '../model/errors.js';
import { columnsOf, type RecordType } from '../model/records.js';
import type { ImportOptions } from './options.js';
import type { Fields } from './preset.js';
import type { Table } from './table.js';

/** The types that `--as` names. */
export const IMPORTED_TYPES = [
  'trade',
  'candle',
  'ticker',
  'book_snapshot',
  'mark_price',
  'open_interest',
  'funding',
  'liquidation',
] as const satisfies readonly RecordType[];

/** Names that mean one field wherever they stand, lower case. What may be base or quote units is not among them. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  timestamp: ['time', 'date', 'datetime', 'ts', 'open_time', 'opentime', 'start_time', 'trade_time', 'unix', 'epoch'],
  local_timestamp: ['received', 'receive_time', 'local_time'],
  symbol: ['pair', 'instrument', 'ticker'],
  price: ['px'],
  amount: ['qty', 'quantity', 'size', 'open_interest', 'openinterest', 'sum_open_interest'],
  side: ['taker_side', 'is_buyer_maker', 'isbuyermaker'],
  id: ['trade_id', 'tradeid', 'tid'],
  open: ['o', 'open_price'],
  high: ['h', 'high_price'],
  low: ['l', 'low_price'],
  close: ['c', 'close_price'],
  volume: ['vol', 'base_volume', 'basevolume', 'volume_base'],
  turnover: ['quote_volume', 'quotevolume', 'volume_quote', 'turnover_quote'],
  trades: ['count', 'trade_count', 'tradecount', 'num_trades', 'number_of_trades'],
  mark: ['mark_price', 'markprice'],
  index: ['index_price', 'indexprice'],
  rate: ['funding_rate', 'fundingrate'],
  last: ['last_price'],
};

/** Fields without which a type cannot be meant; identity, flags and constants come from elsewhere. */
const NEEDED: Readonly<Record<(typeof IMPORTED_TYPES)[number], readonly string[]>> = {
  candle: ['timestamp', 'open', 'high', 'low', 'close', 'volume'],
  trade: ['timestamp', 'price', 'amount'],
  liquidation: ['timestamp', 'price', 'amount', 'side'],
  book_snapshot: ['timestamp', 'bids', 'asks'],
  mark_price: ['timestamp', 'mark'],
  funding: ['timestamp', 'rate'],
  open_interest: ['timestamp', 'amount'],
  ticker: ['timestamp', 'last'],
};
/** Columns of trades, which a liquidation never has. */
const TRADE_MARKS = ['id', 'sequence', 'trade_id', 'tradeid', 'tid'];

/** Returns type and fields of a file without preset, by the names of its columns. Throws a `UsageError` that names the flag. */
export function inferFields(
  table: Table,
  columns: readonly string[],
  given: Fields,
  { as }: ImportOptions,
): { readonly type: RecordType; readonly fields: Fields } {
  const types = as === undefined ? IMPORTED_TYPES : [as];
  const fitting = types
    .map((type) => ({ type, fields: fieldsOf(table, columns, type, given) }))
    .filter(({ type, fields }) => isComplete(type, fields));
  const [only, ...others] = as === undefined ? narrowed(fitting, table, columns) : fitting;
  if (only && others.length === 0) return only;
  if (only)
    throw new UsageError(`${table.path}: may hold ${[only, ...others].map(({ type }) => type).join(' or ')}; --as says which`);
  throw new UsageError(`${table.path}: ${unclear(table, columns, given, types)}`);
}

type Candidate = { readonly type: RecordType; readonly fields: Fields };

/** Drops types that the file cannot mean, and those whose fields are fewer than another's: candles may come with a mark. */
function narrowed(candidates: readonly Candidate[], { path }: Table, columns: readonly string[]): readonly Candidate[] {
  const isTrade = columns.some((name) => TRADE_MARKS.includes(name.trim().toLowerCase()));
  const isLiquidation = /liquidation/i.test(path.split(/[\\/]/).at(-1) ?? '');
  const kept = candidates.filter(
    ({ type, fields }) =>
      isSpecific(type, fields, columns) &&
      !(type === 'liquidation' && isTrade) &&
      !(type === 'trade' && isLiquidation && !isTrade),
  );
  const sizeOf = ({ type, fields }: Candidate) => neededOf(type).length + (type === 'trade' && 'side' in fields ? 1 : 0);
  const most = Math.max(...kept.map(sizeOf));
  return kept.filter((candidate) => sizeOf(candidate) === most);
}

/** Columns whose names alone say the type. Amounts and rates may be anything. */
const SPECIFIC: Partial<Readonly<Record<RecordType, RegExp>>> = {
  open_interest: /^(open_?interest|sum_open_interest|oi)$/i,
  funding: /^funding_?rate$/i,
  ticker: /^$/,
};

/** Returns whether a file holds this type by the name of a column, or because it has no column of another. */
function isSpecific(type: RecordType, fields: Fields, columns: readonly string[]): boolean {
  const pattern = SPECIFIC[type];
  if (!pattern || Object.values(fields).some((column) => pattern.test(column))) return true;
  const known = new Set(['type', ...columnsOf(type).map(([name]) => name)]);
  return columns.every((name) => known.has(name.trim().toLowerCase()));
}

/** Returns the fields without which a type cannot be meant. */
export function neededOf(type: RecordType): readonly string[] {
  return NEEDED[type as keyof typeof NEEDED] ?? columnsOf(type).flatMap(([name, { required }]) => (required ? [name] : []));
}

function isComplete(type: RecordType, fields: Fields): boolean {
  return neededOf(type).every(
    (name) => name in fields || ['exchange', 'market', 'symbol', 'interval', 'source', 'closed'].includes(name),
  );
}

/** Returns the fields of a type: those of `--columns`, else of the same name, else of an alias. */
function fieldsOf(table: Table, columns: readonly string[], type: RecordType, given: Fields): Fields {
  const taken = new Set(Object.values(given));
  const fields: Record<string, string> = { ...given };
  const lower = columns.map((name) => name.trim().toLowerCase());
  for (const [name] of columnsOf(type)) {
    if (name in fields) continue;
    const own = lower.indexOf(name);
    const aliases = lower.flatMap((column, at) =>
      (ALIASES[name]?.includes(column) || (name === 'timestamp' && isIndex(column, at))) && !taken.has(columns[at] as string)
        ? [at]
        : [],
    );
    const [first, second] = own >= 0 ? [own] : preferred(name, aliases, lower);
    if (first === undefined) continue;
    if (second !== undefined)
      throw new UsageError(
        `${table.path}: ${columns[first]} and ${columns[second]} may both be the ${name}; --columns ${name}=COLUMN says which`,
      );
    fields[name] = columns[first] as string;
  }
  return fields;
}

/** The index of a pandas frame has no name and stands first. */
function isIndex(column: string, at: number): boolean {
  return at === 0 && (column === '' || column === 'unnamed: 0');
}

/** An index of row numbers beside a column of times is no second time. */
function preferred(name: string, found: readonly number[], lower: readonly string[]): readonly number[] {
  if (name !== 'timestamp' || found.length < 2) return found;
  return found.filter((at) => !isIndex(lower[at] as string, at));
}

function unclear(table: Table, columns: readonly string[], given: Fields, types: readonly RecordType[]): string {
  const shown = columns.slice(0, 12).join(', ');
  if (table.header === undefined)
    return `has no header, and no preset fits its ${columns.length} columns; --columns timestamp=1,open=2,… names them`;
  const distances = types.flatMap((type) => {
    const fields = fieldsOf(table, columns, type, given);
    const missing = neededOf(type).filter((name) => !(name in fields));
    return missing.length > 0 ? [{ type, missing }] : [];
  });
  const nearest = distances.sort((a, b) => a.missing.length - b.missing.length)[0];
  const example = nearest ? nearest.missing.map((name) => `${name}=COLUMN`).join(',') : '';
  return `no preset fits the columns ${shown}; for ${nearest?.type} give --columns ${example}`;
}
