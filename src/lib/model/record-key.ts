import { encodeRecord, type RecordProperties } from './ndjson.js';
import { compareLongs } from './numbers.js';
import { compareTrades } from './order.js';
import { type AnyRecord, columnsOf, keyOf, type RecordType } from './records.js';
import { camelCase } from './schema.js';

/** The properties of a key, and what identifies a record without its arrival, where that is one of them. */
type Key = { readonly properties: readonly string[]; readonly withoutArrival: 'time' | 'row' | undefined };

const KEYS = new Map<RecordType, Key>();

function keyFor(type: RecordType): Key {
  const known = KEYS.get(type);
  if (known) return known;
  const names = new Set(columnsOf(type).map(([name]) => name));
  const captured = keyOf(type, true);
  const properties = captured.filter((name) => names.has(name)).map(camelCase);
  const isByArrival = captured.includes('local_timestamp') && names.has('local_timestamp');
  const withoutArrival = keyOf(type, false).includes('local_timestamp') ? 'row' : 'time';
  const key: Key = { properties, withoutArrival: isByArrival ? withoutArrival : undefined };
  KEYS.set(type, key);
  return key;
}

/** Returns what identifies a record among those of its type, as a text. `keyExpressions` says the same in SQL. */
function keyTextOf(record: AnyRecord): string {
  const { properties, withoutArrival } = keyFor(record.type);
  const values = properties.map((name) => (record as unknown as RecordProperties)[name]);
  if (withoutArrival === undefined || record.localTimestamp !== undefined) return JSON.stringify(values);
  return JSON.stringify([...values, withoutArrival === 'row' ? encodeRecord(record) : record.timestamp]);
}

/**
 * Returns the records without copies, each in the place of its first one. Of records with one key that is kept which is
 * closed, then which arrived last, then whose time is earlier, then which is later in the input: as `dropRepeated` in SQL.
 */
export function withoutCopies(records: readonly AnyRecord[]): AnyRecord[] {
  const kept = new Map<string, AnyRecord>();
  for (const record of records) {
    const key = `${record.type} ${keyTextOf(record)}`;
    const before = kept.get(key);
    if (before === undefined || replaces(record, before)) kept.set(key, record);
  }
  return kept.size === records.length ? [...records] : [...kept.values()];
}

function replaces(copy: AnyRecord, before: AnyRecord): boolean {
  const closed = closedRank(copy) - closedRank(before);
  if (closed !== 0) return closed > 0;
  const arrival = (copy.localTimestamp ?? -1) - (before.localTimestamp ?? -1);
  return arrival === 0 ? copy.timestamp <= before.timestamp : arrival > 0;
}

function closedRank(record: AnyRecord): number {
  if (!('closed' in record) || record.closed === undefined) return 0;
  return record.closed ? 2 : 1;
}

/** Orders records of one type by time, sequence, arrival and series, a missing value first: `recordOrder` in SQL. */
export function compareRecords(a: AnyRecord, b: AnyRecord): number {
  if (a.type === 'trade' && b.type === 'trade') return compareTrades(a, b);
  return (
    a.timestamp - b.timestamp ||
    compareLongs(sequenceOf(a), sequenceOf(b)) ||
    (a.localTimestamp ?? 0) - (b.localTimestamp ?? 0) ||
    compareTexts(seriesText(a), seriesText(b))
  );
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function seriesText(record: AnyRecord): string {
  const { exchange, market } = record;
  return `${exchange} ${market} ${('symbol' in record ? record.symbol : undefined) ?? ''}`;
}

function sequenceOf(record: AnyRecord): string {
  return ('sequence' in record ? record.sequence : undefined) ?? '';
}
