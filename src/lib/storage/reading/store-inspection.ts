import { join } from 'node:path';
import { UsageError } from '../../model/errors.js';
import { RECORD_TYPES, type RecordType } from '../../model/records.js';
import { Database, type DatabaseOptions, sqlName } from '../database/duckdb.js';
import { type PartitionRows, partitionRows } from '../database/partition-rows.js';
import { countLines, dropRepeated, loadLines, storedFiles } from '../database/record-load.js';
import { tableColumns } from '../database/record-table.js';
import { storageFailure } from '../files/durable-file.js';
import { type Partition, partitionOf, partitionPath } from '../files/partition.js';
import { findStore, storePaths } from '../files/store-directory.js';
import { groupFiles } from '../log/overlaps.js';
import { isVanished } from '../log/retired-files.js';
import { absolutePath, openStoreContext, type StoreContext } from '../log/store-context.js';
import { mayOverlap, type StoredFile } from '../log/store-state.js';
import { rowCondition, type StoreSelection, wantsFile, wantsPartition } from './store-selection.js';
import { listSources, readFailure } from './store-snapshot.js';
import { oneOfEachKey } from './type-relation.js';

/** The sealed files of one partition and its unsealed rows, undefined when all rows are sealed. */
export type InspectedPartition = {
  readonly partition: Partition;
  readonly files: readonly StoredFile[];
  readonly open: PartitionRows | undefined;
  /** Earlier records of the day are skipped, microseconds. */
  readonly since?: number | undefined;
};

/** Attempts to read the journals: one may be sealed and deleted between listing and reading. */
const ATTEMPTS = 25;

/**
 * Read-only access to a store whose files may be damaged: files are opened only on request, and callers can leave out the
 * damaged ones.
 */
export class StoreInspection {
  readonly database: Database;
  readonly context: StoreContext;
  readonly #selection: StoreSelection;
  readonly #open: ReadonlyMap<RecordType, readonly PartitionRows[]>;

  constructor(
    database: Database,
    context: StoreContext,
    selection: StoreSelection,
    open: ReadonlyMap<RecordType, readonly PartitionRows[]>,
  ) {
    this.database = database;
    this.context = context;
    this.#selection = selection;
    this.#open = open;
  }

  /** Returns the selected partitions of the types, sorted by path: the days of one series are adjacent and in order. */
  async partitions(types: readonly RecordType[]): Promise<Partition[]> {
    const state = await this.context.log.read();
    const sealed = [...state.partitions(new Set(types))].map(({ partition }) => partition);
    const open = types.flatMap((type) => (this.#open.get(type) ?? []).map(({ partition }) => partition));
    const paths = new Set([...sealed, ...open].map(partitionPath));
    return [...paths]
      .sort()
      .map((path) => partitionOf(`${path}/`))
      .filter((partition) => wantsPartition(this.#selection, partition));
  }

  /** Returns the current files of a partition: they may have been merged since the last call. */
  async partition(partition: Partition): Promise<InspectedPartition> {
    const state = await this.context.log.read();
    const files = state.partition(partition).filter((file) => wantsFile(this.#selection, file));
    const path = partitionPath(partition);
    const open = this.#open.get(partition.type)?.find((rows) => partitionPath(rows.partition) === path);
    return { partition, files: files.sort((a, b) => a.min - b.min), open };
  }

  /**
   * Returns the selected records of files and journals as readers see them, for use after FROM. In addition to the columns
   * of the type it has `file` (path) and `position` (row in the file); both are NULL where rows were chosen by key.
   */
  relation({ partition, files, open, since }: InspectedPartition): string {
    const { type } = partition;
    const groups = groupFiles(files);
    const isOverlapped = (file: StoredFile) => open !== undefined && mayOverlap(file, { ...NO_FILE, ...open });
    const plain = groups.plain.filter((file) => !isOverlapped(file));
    const chosen = files.filter((file) => !plain.includes(file));
    const columns = columnList(type);
    const branches: string[] = [];
    if (plain.length > 0)
      branches.push(`SELECT ${columns}, filename AS file, file_row_number AS position FROM ${this.#read(type, plain)}`);
    const copies = chosen.length > 0 ? [`SELECT ${columns} FROM ${this.#read(type, chosen)}`] : [];
    if (open) copies.push(`SELECT ${columns} FROM ${sqlName(tableOf(type))} WHERE ${open.where}`);
    if (copies.length > 0)
      branches.push(
        `SELECT ${columns}, NULL AS file, NULL AS position FROM (SELECT * FROM (${copies.join(' UNION ALL ')}) ${oneOfEachKey(type)})`,
      );
    const wanted = { ...this.#selection, since: since ?? this.#selection.since };
    return `(SELECT * FROM (${branches.join(' UNION ALL ')}) WHERE ${rowCondition(wanted, type) ?? 'true'})`;
  }

  /** Returns the Parquet files in the store that are not in the log, as relative paths, without replaced files. */
  async strayFiles(): Promise<string[]> {
    const found: string[] = [];
    const { root, files } = this.context.paths;
    for (const type of RECORD_TYPES) {
      try {
        for await (const name of files.tree(join(root, type)))
          if (isVisible(name)) found.push(`${type}/${name.replaceAll('\\', '/')}`);
      } catch (error) {
        throw storageFailure(error, 'read', join(root, type));
      }
    }
    // Read the log after the list: a file in the list may have been committed since.
    const state = await this.context.log.read();
    return found.filter((path) => !state.files.has(path) && !state.replaced.has(path)).sort();
  }

  close(): Promise<void> {
    return this.database.close();
  }

  #read(type: RecordType, files: readonly StoredFile[]): string {
    const paths = files.map((file) => absolutePath(this.context, file));
    return storedFiles(type, paths, { numbered: true });
  }
}

const NO_FILE = { path: '', bytes: 0, segments: [] };

function isVisible(name: string): boolean {
  return name.endsWith('.parquet') && !/(?:^|[/\\])\./.test(name);
}

function tableOf(type: RecordType): string {
  return `inspected_${type}`;
}

function columnList(type: RecordType): string {
  return tableColumns(type)
    .map(({ name }) => sqlName(name))
    .join(', ');
}

/**
 * Opens the store in `directory` for inspection. Throws a `UsageError` when there is none, a `FailureError` when its log
 * cannot be read.
 */
export async function openInspection(
  directory: string,
  selection: StoreSelection,
  options: DatabaseOptions = {},
): Promise<StoreInspection> {
  const paths = await findStore(directory);
  if (!paths) throw new UsageError(`no store in ${storePaths(directory).location}; choose one with --store`);
  const context = openStoreContext(paths);
  for (let attempt = 1; ; attempt++) {
    const { journals } = await listSources(context);
    const database = await Database.open(options);
    try {
      const open = await loadOpen(
        database,
        journals.map(({ path }) => path),
        selection,
      );
      return new StoreInspection(database, context, selection, open);
    } catch (error) {
      await database.close();
      if (attempt >= ATTEMPTS || !isVanished(error)) throw readFailure(error, paths.location);
    }
  }
}

async function loadOpen(database: Database, paths: readonly string[], selection: StoreSelection) {
  const open = new Map<RecordType, readonly PartitionRows[]>();
  const lines = paths.length > 0 ? await countLines(database, paths) : new Map<string, number>();
  for (const type of RECORD_TYPES.filter((candidate) => lines.has(candidate) && candidate !== 'clock')) {
    const table = tableOf(type);
    const where = rowCondition(selection, type);
    await loadLines(database, { type, table, paths, ...(where ? { where } : {}) });
    await dropRepeated(database, table, type);
    open.set(type, await partitionRows(database, type, sqlName(table)));
  }
  return open;
}
