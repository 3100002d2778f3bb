import { mergeInTime, type TimeOrdered } from '../../model/merge-in-time.js';
import { compareRecords, withoutCopies } from '../../model/record-key.js';
import type { AnyRecord, RecordType } from '../../model/records.js';
import { Database, sqlName } from '../../storage/database/duckdb.js';
import { dropRepeated } from '../../storage/database/record-load.js';
import { tableRecords } from '../../storage/database/record-rows.js';
import { recordOrder } from '../../storage/database/record-table.js';
import { TableAppender } from '../../storage/database/table-appender.js';

/** Records per batch, except for the last one. */
const BATCH = 2048;

/** Up to this many records are sorted in memory, which is faster; more are sorted by DuckDB, which needs less memory. */
const FEW = 250_000;

/**
 * Returns records of some types in order of time, those of one time in the order of `types`, of copies one. The input may
 * be in any order, such as one file per type; what is more than `few` is sorted by DuckDB, in bounded memory.
 */
export async function* timeOrdered(
  input: AsyncIterable<readonly AnyRecord[]>,
  types: readonly RecordType[],
  onUnused: () => void,
  few = FEW,
): AsyncGenerator<AnyRecord[]> {
  const source = input[Symbol.asyncIterator]();
  const held: AnyRecord[] = [];
  let next = await source.next();
  for (; !next.done && held.length < few; next = await source.next()) {
    for (const record of next.value) {
      if (types.includes(record.type)) held.push(record);
      else onUnused();
    }
  }
  if (next.done) yield* sorted(held, types);
  else yield* sortedByDatabase(resumed(held, next.value, source), types, onUnused);
}

function* sorted(records: readonly AnyRecord[], types: readonly RecordType[]): Generator<AnyRecord[]> {
  const rank = new Map(types.map((type, index) => [type, index]));
  const rankOf = ({ type }: AnyRecord) => rank.get(type) as number;
  // The reader of INPUT has dropped the copies of trades, and named those that contradict each other.
  const once = [...records.filter(isTrade), ...withoutCopies(records.filter((record) => !isTrade(record)))];
  once.sort((a, b) => a.timestamp - b.timestamp || rankOf(a) - rankOf(b) || compareRecords(a, b));
  for (let from = 0; from < once.length; from += BATCH) yield once.slice(from, from + BATCH);
}

const isTrade = ({ type }: AnyRecord) => type === 'trade';

async function* resumed(
  held: AnyRecord[],
  next: readonly AnyRecord[],
  source: AsyncIterator<readonly AnyRecord[]>,
): AsyncGenerator<readonly AnyRecord[]> {
  yield held.splice(0);
  yield next;
  for (let { done, value } = await source.next(); !done; { done, value } = await source.next()) yield value;
}

async function* sortedByDatabase(
  input: AsyncIterable<readonly AnyRecord[]>,
  types: readonly RecordType[],
  onUnused: () => void,
): AsyncGenerator<AnyRecord[]> {
  const database = await Database.open();
  try {
    const found = await load(database, input, types, onUnused);
    const tables: TimeOrdered[] = [];
    for (const type of types.filter((name) => found.has(name))) tables.push(await sortTable(database, type));
    yield* mergeInTime(tables);
  } finally {
    await database.close();
  }
}

async function load(
  database: Database,
  input: AsyncIterable<readonly AnyRecord[]>,
  types: readonly RecordType[],
  onUnused: () => void,
): Promise<ReadonlySet<RecordType>> {
  const appenders = new Map<RecordType, TableAppender>();
  for await (const records of input) {
    const byType = new Map<RecordType, AnyRecord[]>();
    for (const record of records) {
      if (!types.includes(record.type)) onUnused();
      else if (!byType.get(record.type)?.push(record)) byType.set(record.type, [record]);
    }
    for (const [type, list] of byType) {
      const appender = appenders.get(type) ?? (await TableAppender.create(database, type));
      appenders.set(type, appender);
      await appender.append(list);
    }
  }
  for (const [type, appender] of appenders) {
    await appender.flush();
    await dropRepeated(database, type, type);
  }
  return new Set(appenders.keys());
}

async function sortTable(database: Database, type: RecordType): Promise<TimeOrdered> {
  const table = `ordered_${type}`;
  await database.run(
    `CREATE TEMP TABLE ${sqlName(table)} AS SELECT * FROM ${sqlName(type)} ORDER BY "timestamp", ${recordOrder(type)}`,
  );
  return { batches: tableRecords(database, type, table) };
}
