import { resolve } from 'node:path';
import { loadText, placedParquet } from '../input/file-select.js';
import { formatOf, isPlainParquet } from '../input/formats.js';
import { readInput } from '../input/input.js';
import { expandPaths } from '../input/paths.js';
import { FailureError } from '../model/errors.js';
import { RecordError } from '../model/ndjson.js';
import type { AnyRecord, RecordType } from '../model/records.js';
import { sqlName } from '../storage/database/duckdb.js';
import { tableRecords } from '../storage/database/record-rows.js';
import { recordOrder, tableColumns } from '../storage/database/record-table.js';
import type { StoreContext } from '../storage/log/store-context.js';
import { openSnapshot } from '../storage/reading/store-snapshot.js';
import { addTable, hasTable } from '../storage/table-import.js';
import { requireStepsOfInterval } from './candle-steps.js';
import { stageCleanRows } from './clean-rows.js';
import { refuseAgainstStore } from './comparison.js';
import type { ImportOptions } from './options.js';
import { isUnchanged, materialize, type PreparedRows, preparedTable, prepareType } from './preparation.js';
import { RowReader } from './row-reader.js';
import { openSource, type SourceFile } from './source-file.js';
import { Staging } from './staging.js';
import { placeOf, type RowBatch } from './table.js';
import { isOfOneType } from './typed-records.js';

/** Of the database that compares, sorts and writes. The process keeps much of what staging has taken: this adds to it. */
const STORING_MEMORY = '320MB';

/** Where the records go besides the outputs that take them one by one. */
export type ImportTarget = {
  /** The store that takes the records, if one does; it is opened when there are some, so that a refused file creates none. */
  readonly store?: { readonly directory: string; open(): Promise<StoreContext> } | undefined;
  /** Whether other outputs take the records as well. */
  readonly yields: boolean;
};

export type ImportListener = {
  /** Called with place and reason of a row that is refused. */
  refused(reason: string): void;
  /** Called when a file ends early. */
  truncated(reason: string): void;
};

/** Counts of one import, complete when its records have ended. */
export type ImportReport = {
  /** Records read, without refused ones. */
  read: number;
  /** Records with the key of another record of the same import. */
  repeated: number;
  /** Trades without side: they count in no `buy_volume` and no `delta`. */
  sideless: number;
  /** Records that the store did not have, and those that it had. */
  added: number;
  known: number;
  /** Microseconds. */
  first?: number;
  last?: number;
  /** Of the added records, the number by type. */
  readonly stored: Map<RecordType, number>;
};

/** Opens all files and decides how each is read, before any is read. Throws a `UsageError` that names the flag to give. */
export async function openSources(paths: readonly string[], options: ImportOptions): Promise<SourceFile[]> {
  const sources: SourceFile[] = [];
  for (const path of await expandPaths(paths)) sources.push(await openSource(path, options));
  return sources;
}

/**
 * Reads the files, refuses what contradicts itself or the store, and adds the rest to the store or yields it, a type after
 * the other in order of time. Nothing is written before all files were read.
 */
export async function* runImport(
  sources: readonly SourceFile[],
  target: ImportTarget,
  listener: ImportListener,
  report: ImportReport,
): AsyncGenerator<AnyRecord[]> {
  const staging = await Staging.open({ isForStore: target.store !== undefined && sources.length === 1 });
  try {
    for (const source of sources) {
      await stage(source, staging, listener);
      await staging.endFile();
    }
    await staging.flush();
    await requireStepsOfInterval(staging);
    yield* importStaged(staging, target, listener, report);
  } finally {
    await staging.close().catch(() => {});
    await staging.dispose();
  }
}

/** Prepares the staged records, and stores or yields them. */
export async function* importStaged(
  staging: Staging,
  target: ImportTarget,
  listener: ImportListener,
  report: ImportReport,
): AsyncGenerator<AnyRecord[]> {
  const prepared = new Map<RecordType, PreparedRows>();
  for (const type of staging.types) {
    const rows = await prepareType(staging, type, listener.refused);
    prepared.set(type, rows);
    addToReport(report, staging.count(type), rows);
  }
  if (!target.store) {
    for (const type of staging.types) yield* outRecords(staging, staging.database, type);
    return;
  }
  await staging.close();
  if (report.first === undefined) return;
  const context = await target.store.open();
  for (const [type, rows] of prepared) yield* storeType(staging, type, rows, { ...target, context }, listener, report);
}

function addToReport(report: ImportReport, read: number, { repeated, sideless, partitions }: PreparedRows): void {
  report.read += read;
  report.repeated += repeated;
  report.sideless += sideless;
  for (const { min, max } of partitions) {
    report.first = Math.min(report.first ?? min, min);
    report.last = Math.max(report.last ?? max, max);
  }
}

/** Compares a prepared type with the store and adds what the store lacks. */
async function* storeType(
  staging: Staging,
  type: RecordType,
  prepared: PreparedRows,
  { store, yields, context }: ImportTarget & { readonly context: StoreContext },
  listener: ImportListener,
  report: ImportReport,
): AsyncGenerator<AnyRecord[]> {
  if (!store || type === 'clock') return;
  // Whether a file of liquidations is cut shows by what the store has beyond its edges.
  const span = type !== 'liquidation' && {
    ...(report.first !== undefined && { since: report.first }),
    ...(report.last !== undefined && { until: report.last + 1 }),
  };
  const snapshot = await openSnapshot(store.directory, { types: [type], ...span }, { memoryLimit: STORING_MEMORY });
  try {
    const { database } = snapshot;
    const stored = snapshot.relation(type);
    await database.run(`ATTACH '${staging.path.replaceAll("'", "''")}' AS staging`);
    await database.run('USE staging');
    const isKnown = await isInStore(context, database, type, prepared);
    if (!isKnown) report.known += await refuseAgainstStore(database, staging, type, stored, listener.refused);
    if (yields) yield* outRecords(staging, database, type);
    if (isKnown) {
      await staging.requireUnchanged();
      for (const { rows } of prepared.partitions) report.known += rows;
      return;
    }
    const { added, known } = await addTable(context, database, type, {
      table: preparedTable(type),
      asTable: () => materialize(database, type),
      verify: () => staging.requireUnchanged(),
      known: (await isUnchanged(database, type)) ? prepared : undefined,
    });
    report.added += added;
    if (added > 0) report.stored.set(type, (report.stored.get(type) ?? 0) + added);
    report.known += known;
    await database.run('USE memory');
    await database.run('DETACH staging');
  } finally {
    await snapshot.close();
  }
}

/**
 * The same file once more is the usual second import: trades that the store has as they are contradict nothing in it, and need
 * no further look. Numbers by place are left to `refuseAgainstStore` where a file is of one time or two: there equal rows may be
 * others, behind a cut.
 */
async function isInStore(
  context: StoreContext,
  database: Staging['database'],
  type: RecordType,
  prepared: PreparedRows,
): Promise<boolean> {
  if (type !== 'trade' || prepared.partitions.length === 0) return false;
  const table = preparedTable(type);
  if (!(await hasTable(context, database, table, prepared))) return false;
  const parts = `SELECT file, "exchange", "market", "symbol", min("timestamp") AS low, max("timestamp") AS high
    FROM ${sqlName(table)} WHERE numbered GROUP BY ALL`;
  const inner = `SELECT 1 FROM ${sqlName(table)} AS t WHERE t.file = p.file AND t."exchange" = p."exchange" AND t."market" = p."market"
    AND t."symbol" = p."symbol" AND t."timestamp" > low AND t."timestamp" < high`;
  return (await database.rows(`SELECT 1 FROM (${parts}) AS p WHERE NOT EXISTS (${inner}) LIMIT 1`)).length === 0;
}

async function* outRecords(staging: Staging, database: Staging['database'], type: RecordType): AsyncGenerator<AnyRecord[]> {
  const columns = tableColumns(type).map(({ name }) => sqlName(name));
  await database.run(
    `CREATE OR REPLACE TEMP TABLE output AS SELECT ${columns.join(', ')} FROM ${sqlName(preparedTable(type))} ORDER BY ${recordOrder(type)}`,
  );
  await staging.requireUnchanged();
  yield* tableRecords(database, type, 'output');
}

async function stage(source: SourceFile, staging: Staging, listener: ImportListener): Promise<void> {
  if (source.table === undefined && source.isEmpty) return listener.truncated(`${source.path}: has a header but no rows`);
  if (source.table === undefined) return await stageRecords(source, staging, listener);
  const { table, mapping, writtenAt } = source;
  const reader = new RowReader(mapping, writtenAt);
  staging.beginFile(table.path, table.unit, true);
  if (await stageCleanRows(source, staging, reader)) return;
  for await (const batch of table.rows()) {
    const { records, lines } = readBatch(reader, batch, (line, reason) => listener.refused(`${placeOf(table, line)}: ${reason}`));
    await staging.add(records, lines);
    if (batch.truncated !== undefined) listener.truncated(batch.truncated);
  }
}

function readBatch(reader: RowReader, { rows, rejected }: RowBatch, refuse: (line: number, reason: string) => void) {
  const records: AnyRecord[] = [];
  const lines: number[] = [];
  for (const { line, reason } of rejected) refuse(line, reason);
  for (const row of rows) {
    try {
      for (const record of reader.read(row)) {
        records.push(record);
        lines.push(row.line);
      }
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      refuse(row.line, error.message);
    }
  }
  return { records, lines };
}

type OwnFile = { readonly path: string; readonly type?: RecordType };

/** Stages a file of mdtool's records by SQL; returns false for one that has to be read record by record. */
async function stageSelect({ path, type: known }: OwnFile, staging: Staging, listener: ImportListener): Promise<boolean> {
  const { database } = staging;
  if (isPlainParquet(path)) {
    await staging.watch(path);
    if (known && !(await isOfOneType(path, known))) throw new FailureError(`${path}: changed while it was read; import it again`);
    const firstOf = (type: RecordType) => staging.places(type);
    const { type, ...placed } = await placedParquet(database, resolve(path), firstOf, { broken: listener.refused }, known);
    if (type !== 'clock') staging.addPlaced({ type, ...placed }, 1);
    return true;
  }
  const loaded = await loadText(database, path, staging.textTarget());
  const first = formatOf(path) === 'csv' ? 2 : 1;
  for (const placed of loaded ?? []) if (placed.type !== 'clock') staging.addPlaced(placed, first);
  return loaded !== undefined;
}

/** Reads records that mdtool wrote; times of candles and trades were checked when they were written. */
async function stageRecords(source: OwnFile, staging: Staging, listener: ImportListener): Promise<void> {
  const { path } = source;
  const name = path === '-' ? 'stdin' : path;
  staging.beginFile(name, isPlainParquet(path) ? 'row' : 'line', false);
  if (await stageSelect(source, staging, listener)) return;
  let lines: number[] = [];
  const taken = (_: AnyRecord, place: string) => void lines.push(Number(/(\d+)$/.exec(place)?.[1] ?? 0));
  for await (const records of readInput([path], { broken: listener.refused, taken })) {
    const kept = records.filter(({ type }) => type !== 'clock');
    await staging.add(
      kept,
      lines.filter((_, index) => records[index]?.type !== 'clock'),
    );
    lines = [];
  }
}
