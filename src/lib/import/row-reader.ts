import { EXCHANGES } from '../exchanges/index.js';
import { plausible } from '../input/plausible.js';
import { parseInterval } from '../model/interval.js';
import { excerpt, RecordError, recordFrom } from '../model/ndjson.js';
import { type AnyRecord, type Candle, columnsOf, type Market, type RecordType } from '../model/records.js';
import type { Column } from '../model/schema.js';
import { type Mapping, quotientOf } from './mapping.js';
import type { Fields } from './preset.js';
import type { Row } from './table.js';
import { isMissing, numberOf, timeOf } from './values.js';

type Field = {
  readonly name: string;
  readonly at: number;
  readonly column: Column;
  readonly source: string;
  /** The column to divide by, for the quotient of two. */
  readonly by?: number;
};
type Part = { readonly type: RecordType; readonly fields: readonly Field[]; readonly isMain: boolean };

const EXCHANGE_NAME = /^[a-z0-9-]{1,32}$/;
const DEFAULT_SIDES: Readonly<Record<string, string>> = { buy: 'buy', sell: 'sell', bid: 'buy', ask: 'sell' };
const FLAGS: Readonly<Record<string, boolean>> = { true: true, false: false, '1': true, '0': false, t: true, f: false };
/** Fields that are above 0 in every record that can be meant. */
const POSITIVE: ReadonlySet<string> = new Set(['price', 'amount', 'mark', 'index', 'last', 'bid', 'ask']);

/** Turns the rows of one file into records, by its mapping. */
export class RowReader {
  readonly #mapping: Mapping;
  readonly #parts: readonly Part[];
  readonly #levels: { readonly bids: readonly LevelColumns[]; readonly asks: readonly LevelColumns[] } | undefined;
  /** Microseconds: a candle that ends later was still open when the file was written. */
  readonly #writtenAt: number;

  constructor(mapping: Mapping, writtenAt: number) {
    this.#mapping = mapping;
    this.#writtenAt = writtenAt;
    const { type, fields, columns, preset } = mapping;
    this.#parts = [
      { type, fields: fieldList(type, fields, columns), isMain: true },
      ...(preset?.also ?? []).map((part) => ({
        type: part.type,
        fields: fieldList(part.type, part.columns, columns),
        isMain: false,
      })),
    ];
    this.#levels = preset?.hasLevels ? { bids: levelColumns('bids', columns), asks: levelColumns('asks', columns) } : undefined;
  }

  /** Returns the records of a row. Throws a `RecordError` that says why it is none. */
  read({ cells, isCut }: Row): AnyRecord[] {
    const records: AnyRecord[] = [];
    for (const part of this.#parts) {
      const fields = this.#fieldsOf(part, cells, isCut === true);
      if (fields) records.push(this.#recordOf(part, fields));
    }
    if (records.length === 0) throw new RecordError('the row has no values');
    return records;
  }

  /** Returns the fields of one record, undefined when a required one of an additional record is missing in this row. */
  #fieldsOf({ type, fields, isMain }: Part, cells: readonly string[], isCut: boolean): Record<string, unknown> | undefined {
    const values: Record<string, unknown> = { type };
    for (const field of fields) {
      const cell = this.#cellOf(field, cells);
      if (isMissing(cell) || (type === 'trade' && field.name === 'side' && this.#isSideless(cell))) continue;
      if (
        isCut &&
        (field.at === cells.length - 1 || field.by === cells.length - 1) &&
        field.column.kind !== 'flag' &&
        field.name !== 'side'
      )
        throw new RecordError(`the file ends within ${field.source || 'its last column'}: complete it, or end its last line`);
      values[field.name] = this.#value(cell, field, type);
    }
    if (!isMain && !hasValues(values)) return undefined;
    if (lacksRequired(type, fields, values) && (!isMain || this.#parts.length > 1)) return undefined;
    if (this.#levels && type === 'book_snapshot') {
      const { bids, asks } = this.#levels;
      values.bids = this.#levelsOf(bids, cells);
      values.asks = this.#levelsOf(asks, cells);
      values.depth = Math.max(bids.length, asks.length);
    }
    return values;
  }

  #cellOf({ at, by, source }: Field, cells: readonly string[]): string {
    const cell = (cells[at] ?? '').trim();
    if (by === undefined || isMissing(cell)) return cell;
    const of = numberOf(cell, this.#mapping.decimal, source);
    const quotient = of / numberOf((cells[by] ?? '').trim(), this.#mapping.decimal, source);
    if (!Number.isFinite(quotient))
      throw new RecordError(`${source}: expected a number to divide by, was ${excerpt(cells[by] ?? '')}`);
    return String(Number(quotient.toPrecision(15))).replace('.', this.#mapping.decimal);
  }

  /** Tardis writes `unknown` where the exchange does not say which side was the taker. */
  #isSideless(cell: string): boolean {
    return cell.toLowerCase() === 'unknown' && this.#mapping.sides?.[cell] === undefined;
  }

  #value(cell: string, { name, column, source }: Field, type: RecordType): unknown {
    const what = source === '' || source === name ? `${type}.${name}` : `${type}.${name} (${source})`;
    switch (column.kind) {
      case 'time':
        return timeOf(cell, this.#mapping.units.get(source) ?? 'us', this.#mapping.zone, what);
      case 'number':
        return numberOf(cell, this.#mapping.decimal, what);
      case 'count':
        return wholeOf(numberOf(cell, this.#mapping.decimal, what), cell, what);
      case 'flag':
        return FLAGS[cell.toLowerCase()] ?? cell;
      case 'levels':
      case 'json':
        return parsed(cell);
      case 'long':
        return longOf(cell);
      case 'text':
        return name === 'side' ? this.side(cell, source) : (column.values?.find((value) => value === cell.toLowerCase()) ?? cell);
    }
  }

  /** Returns the side that a cell means. Throws a `RecordError` that names the flag to give. */
  side(cell: string, source: string): string {
    const { sides } = this.#mapping;
    if (sides) {
      const side = sides[cell] ?? sides[cell.toLowerCase()];
      if (side === undefined)
        throw new RecordError(`side: no entry for ${excerpt(cell)}; --side-map '${cell.slice(0, 20)}=buy' adds one`);
      return side;
    }
    if (/^is_?buyer_?maker$/i.test(source)) {
      const isMaker = FLAGS[cell.toLowerCase()];
      if (isMaker !== undefined) return isMaker ? 'sell' : 'buy';
    }
    const side = DEFAULT_SIDES[cell.toLowerCase()];
    if (side === undefined)
      throw new RecordError(
        `side: expected buy or sell, was ${excerpt(cell)}; --side-map '${cell.slice(0, 20)}=buy,…' says what it means`,
      );
    return side;
  }

  #recordOf({ type }: Part, fields: Record<string, unknown>): AnyRecord {
    this.addIdentity(type, fields);
    this.#addConstants(type, fields);
    const faulty = [...POSITIVE].find((name) => name in fields && !((fields[name] as number) > 0));
    if (faulty !== undefined)
      throw new RecordError(`${type}.${faulty}: expected a value above 0, was ${excerpt(fields[faulty])}`);
    const record = plausible(recordFrom(fields));
    if (record.type !== 'candle' || !this.#endsLater(record)) return record;
    return { ...record, closed: false };
  }

  /** Exports end with the candle of the moment. One whose end lies after the file's last change was still open. */
  #endsLater({ timestamp, interval, closed }: Candle): boolean {
    return closed && timestamp + parseInterval(interval).size > this.#writtenAt;
  }

  /** Completes exchange, market and symbol of a record's fields. Throws a `RecordError` where they are not known. */
  addIdentity(type: RecordType, fields: Record<string, unknown>): void {
    const { facts, preset } = this.#mapping;
    const ofRow = preset?.ofRow?.(fields) ?? {};
    const exchange = String(ofRow.exchange ?? fields.exchange ?? facts.exchange ?? '').toLowerCase();
    if (!EXCHANGE_NAME.test(exchange))
      throw new RecordError(`${type}.exchange: expected letters, digits and -, up to 32, was ${excerpt(fields.exchange ?? '')}`);
    const market = facts.market ?? fields.market ?? ofRow.market;
    if (market === undefined)
      throw new RecordError(`${type}.market: not known for ${excerpt(fields.symbol ?? '')} of ${exchange}; give --market`);
    fields.exchange = exchange;
    fields.market = String(market).toLowerCase();
    const symbol = String(fields.symbol ?? facts.symbol ?? '');
    fields.symbol = nativeSymbol(exchange, symbol, fields.market as Market);
  }

  #addConstants(type: RecordType, fields: Record<string, unknown>): void {
    const { facts, preset } = this.#mapping;
    if (type === 'candle') {
      fields.interval ??= facts.interval;
      fields.source ??= 'exchange';
      fields.closed ??= true;
    }
    if (type === 'trade' && preset?.id && fields.id !== undefined) fields.id = preset.id(String(fields.id), facts);
    // A trade without id gets one by its place among the trades of its time, when these are known.
    if (type === 'trade') fields.id ??= NO_ID;
  }

  #levelsOf(columns: readonly LevelColumns[], cells: readonly string[]): [number, number][] {
    return columns.flatMap(({ price, amount }) => {
      const [p = '', a = ''] = [cells[price]?.trim(), cells[amount]?.trim()];
      if (isMissing(p) || isMissing(a)) return [];
      return [[numberOf(p, this.#mapping.decimal, 'level'), numberOf(a, this.#mapping.decimal, 'level')] as [number, number]];
    });
  }
}

const IDENTITY: ReadonlySet<string> = new Set(['type', 'exchange', 'market', 'symbol', 'timestamp', 'local_timestamp']);

/** Returns whether a record has anything beside its identity. */
function hasValues(values: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(values).some((name) => !IDENTITY.has(name));
}

/** Returns whether the row has no value in a column of a required field. */
function lacksRequired(type: RecordType, fields: readonly Field[], values: Readonly<Record<string, unknown>>): boolean {
  return columnsOf(type).some(
    ([name, { required }]) => required && !(name in values) && fields.some((field) => field.name === name),
  );
}

/** Stands for the id of a trade whose file has none, until its place is known. */
export const NO_ID = '?';

type LevelColumns = { readonly price: number; readonly amount: number };

/** Returns the columns `bids[0].price`, `bids[0].amount`, … best first. */
function levelColumns(side: string, columns: readonly string[]): LevelColumns[] {
  const levels: LevelColumns[] = [];
  for (let level = 0; ; level++) {
    const price = columns.indexOf(`${side}[${level}].price`);
    const amount = columns.indexOf(`${side}[${level}].amount`);
    if (price < 0 || amount < 0) return levels;
    levels.push({ price, amount });
  }
}

function fieldList(type: RecordType, fields: Fields, columns: readonly string[]): Field[] {
  return columnsOf(type).flatMap(([name, column]) => {
    const source = fields[name];
    const at = source === undefined ? -1 : columns.indexOf(source);
    if (source !== undefined && at >= 0) return [{ name, at, column, source }];
    const quotient = source === undefined ? undefined : quotientOf(source, columns);
    return quotient && source !== undefined
      ? [{ name, at: columns.indexOf(quotient.of), by: columns.indexOf(quotient.by), column, source }]
      : [];
  });
}

function wholeOf(value: number, cell: string, what: string): number {
  if (Number.isSafeInteger(value)) return value;
  throw new RecordError(`${what}: expected a whole number, was ${cell.slice(0, 40)}`);
}

/** pandas writes integers of a column with gaps as `12.0`. */
function longOf(cell: string): string {
  return cell.replace(/\.0+$/, '');
}

function parsed(cell: string): unknown {
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}

const symbols = new Map<string, string>();

/** Returns the exchange's own spelling of a symbol; of exchanges that mdtool does not know, the spelling of the file. */
function nativeSymbol(exchange: string, symbol: string, market: Market): string {
  const key = `${exchange} ${market} ${symbol}`;
  const known = symbols.get(key);
  if (known !== undefined) return known;
  const native = EXCHANGES.find(({ id }) => id === exchange)?.nativeSymbol(symbol, market) ?? symbol;
  symbols.set(key, native);
  return native;
}
