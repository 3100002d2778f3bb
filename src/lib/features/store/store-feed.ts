import type { AnyRecord, RecordType } from '../../model/records.js';
import type { Database } from '../../storage/database/duckdb.js';
import { dayRecords, sortDay, storedDays } from '../../storage/reading/store-reader.js';
import type { StoreSelection } from '../../storage/reading/store-selection.js';
import type { StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import { BAR_INTERVAL } from '../bars.js';
import type { FeatureEngine } from '../engine.js';
import { fedByColumns } from './column-feed.js';
import type { InputTable } from './input-kinds.js';
import { createInputTable } from './input-table.js';
import { RAW } from './store-sql.js';

/** Read as records. */
const OTHERS: readonly RecordType[] = ['gap', 'candle'];

type Feed = {
  /** Earlier inputs are only carried forward: rows up to here exist. Gaps and candles up to here are known. */
  readonly from: number;
  /** Gaps that become known from here on are left to a later run; a selection of records has those that begin before. */
  readonly until?: number | undefined;
  readonly stopped: AbortSignal;
};

/** A day in the database of its snapshot; without a table its inputs have to be read as records. */
type Day = { readonly database: Database; readonly table: InputTable | undefined };

/** Feeds the records of a store in order of time through an engine, inputs by columns; yields what follows. */
export async function* fedByStore(
  engine: FeatureEngine,
  directory: string,
  selection: Omit<StoreSelection, 'types' | 'intervals'>,
  feed: Feed,
): AsyncGenerator<AnyRecord[]> {
  const wanted = { ...selection, types: [...OTHERS, ...RAW], intervals: [BAR_INTERVAL] };
  const days = storedDays(directory, wanted, (snapshot, date) => loadDay(snapshot, date, feed.from));
  for await (const { database, table } of days) {
    yield* table ? dayOfColumns(engine, database, table, feed) : dayOfRecords(engine, database, feed);
    if (feed.stopped.aborted) return;
  }
}

async function loadDay(snapshot: StoreSnapshot, date: string, from: number): Promise<Day> {
  const { database } = snapshot;
  await sortDay(snapshot, OTHERS, date);
  const types = RAW.filter((type) => snapshot.dates(type).includes(date));
  const relations = new Map(types.map((type) => [type, snapshot.relation(type, date)]));
  const name = `inputs_${date.replaceAll('-', '_')}`;
  const isSafe = await isEachTradeOnce(database, relations.get('trade'));
  const table = isSafe ? await createInputTable(database, relations, name, { from }) : undefined;
  if (!table) await sortDay(snapshot, RAW, date);
  return { database, table };
}

/** The merge of a store keeps each trade once; a damaged store may not. */
async function isEachTradeOnce(database: Database, relation: string | undefined): Promise<boolean> {
  if (relation === undefined) return true;
  const keys = 'hash("exchange", "market", "symbol", "id")';
  return (await database.number(`SELECT count(*) - count(DISTINCT ${keys}) FROM ${relation}`)) === 0;
}

async function* dayOfColumns(
  engine: FeatureEngine,
  database: Database,
  table: InputTable,
  { from, until = Number.POSITIVE_INFINITY, stopped }: Feed,
): AsyncGenerator<AnyRecord[]> {
  const others: AnyRecord[] = [];
  for await (const records of dayRecords(database, OTHERS))
    others.push(...records.filter(({ timestamp }) => timestamp > from && timestamp < until));
  engine.counts.unused += table.settled;
  yield* fedByColumns(engine, table, { others, from, stopped });
  await table.drop();
}

async function* dayOfRecords(engine: FeatureEngine, database: Database, feed: Feed): AsyncGenerator<AnyRecord[]> {
  for await (const records of dayRecords(database, [...OTHERS, ...RAW])) {
    const rows: AnyRecord[] = [];
    for (const record of records) for (const row of fed(engine, record, feed)) rows.push(row);
    if (rows.length > 0) yield rows;
    if (feed.stopped.aborted) return;
  }
}

/** Gaps and candles up to `from` belong to the resumed state; other earlier records are only carried forward. */
function fed(engine: FeatureEngine, record: AnyRecord, { from, until = Number.POSITIVE_INFINITY }: Feed): Iterable<AnyRecord> {
  if (OTHERS.includes(record.type)) return record.timestamp > from && record.timestamp < until ? engine.add(record) : [];
  if (record.timestamp >= from) return engine.add(record);
  engine.prime(record);
  return [];
}
