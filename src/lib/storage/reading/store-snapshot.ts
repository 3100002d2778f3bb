import { MdtoolError } from '../../model/errors.js';
import { RECORD_TYPES, type RecordType } from '../../model/records.js';
import { Database, type DatabaseOptions } from '../database/duckdb.js';
import type { PartitionRows } from '../database/partition-rows.js';
import { countLines } from '../database/record-load.js';
import { emptyRelation } from '../database/record-table.js';
import { storageFailure } from '../files/durable-file.js';
import type { Partition } from '../files/partition.js';
import { findStore, storePaths } from '../files/store-directory.js';
import { unreadableFile } from '../files/unreadable-file.js';
import { type JournalEntry, listJournals } from '../journal/journal.js';
import { isVanished } from '../log/retired-files.js';
import { openStoreContext, type StoreContext } from '../log/store-context.js';
import type { StoreState } from '../log/store-state.js';
import type { StoreSelection } from './store-selection.js';
import { type Extent, type Sources, type TypeRelation, typeRelation } from './type-relation.js';

/** Attempts to take a snapshot: a journal may be sealed or a file replaced just before it is opened. */
const ATTEMPTS = 25;

/** Types that are never stored. */
const NOT_STORED: ReadonlySet<RecordType> = new Set(['clock']);

/** The types a store may hold. */
export const STORED_TYPES = RECORD_TYPES.filter((type) => !NOT_STORED.has(type));

/**
 * The content of a store at one moment, sealed and unsealed records together, each record once.
 *
 * A writer seals journals and merges files while a query runs. A reader that lists both one after the other would count a
 * segment twice, or not at all. So `listSources` takes the log and the journals of one moment. Unsealed records are
 * loaded into temporary tables at once; sealed ones are read from their files when a relation is used, and a file that
 * is replaced meanwhile stays readable under its retired name.
 */
export class StoreSnapshot {
  readonly database: Database;
  readonly state: StoreState;
  /** Absolute paths of all files that the relations read. */
  readonly files: readonly string[];
  readonly #relations: ReadonlyMap<RecordType, TypeRelation>;

  constructor(database: Database, state: StoreState, relations: ReadonlyMap<RecordType, TypeRelation>) {
    this.database = database;
    this.state = state;
    this.#relations = relations;
    this.files = [...relations.values()].flatMap(({ files }) => files);
  }

  /** Returns the selected records of a type (of one UTC day) as a SQL relation for use after FROM. */
  relation(type: RecordType, date?: string): string {
    const isOfDate = (partition: Partition) => date === undefined || partition.date === date;
    return this.#relations.get(type)?.sql(isOfDate) ?? emptyRelation(type);
  }

  /** Returns the UTC days that may have selected records of a type, in order. */
  dates(type: RecordType): readonly string[] {
    return [...new Set(this.partitions(type).map(({ date }) => date))].sort();
  }

  /** Returns the partitions that may have selected records of a type. */
  partitions(type: RecordType): readonly Partition[] {
    return this.#relations.get(type)?.partitions ?? [];
  }

  /** Returns count and times of the unsealed selected records of a type by partition; no file of the state has them. */
  open(type: RecordType): readonly PartitionRows[] {
    return this.#relations.get(type)?.open ?? [];
  }

  /** Returns count and times of the selected records of a type (in some partitions), undefined when there are none. */
  async extent(type: RecordType, isWanted: (partition: Partition) => boolean = () => true): Promise<Extent | undefined> {
    return await this.#relations.get(type)?.extent(this.database, isWanted);
  }

  close(): Promise<void> {
    return this.database.close();
  }
}

/**
 * Opens a snapshot of the store in `directory`. A missing or empty directory reads as an empty store. Throws a
 * `UsageError` when the directory has other content, a `FailureError` when it cannot be read.
 */
export async function openSnapshot(
  directory: string,
  selection: StoreSelection = {},
  options: DatabaseOptions = {},
): Promise<StoreSnapshot> {
  const paths = (await findStore(directory)) ?? storePaths(directory);
  const context = openStoreContext(paths);
  for (let attempt = 1; ; attempt++) {
    const { state, journals } = await listSources(context);
    const database = await Database.open(options);
    try {
      return new StoreSnapshot(database, state, await relationsOf(database, { context, state, journals, selection }));
    } catch (error) {
      await database.close();
      if (attempt >= ATTEMPTS || !isVanished(error)) throw readFailure(error, paths.location);
    }
  }
}

/** Returns a DuckDB error about a stored file as one line. */
export function readFailure(error: unknown, root: string): Error {
  if (error instanceof MdtoolError) return error;
  return unreadableFile(error) ?? storageFailure(error, 'read the store', root);
}

/**
 * Returns the state of the log and the unsealed journals of the same moment. A segment that is sealed between the two
 * readings would be in neither or in both; so both are read again until nothing changed in between.
 */
export async function listSources(context: StoreContext): Promise<{ state: StoreState; journals: JournalEntry[] }> {
  for (;;) {
    const { version } = await context.log.read();
    const journals = await listJournals(context.paths.journal);
    // A file that is renamed during readdir may be missing from the list: list twice and compare.
    const again = await listJournals(context.paths.journal);
    const state = await context.log.read();
    const isSteady = journals.length === again.length && journals.every(({ path }, index) => again[index]?.path === path);
    if (isSteady && state.version === version)
      return { state, journals: journals.filter(({ segment }) => !state.sealed.has(segment)) };
  }
}

async function relationsOf(database: Database, sources: Sources): Promise<Map<RecordType, TypeRelation>> {
  const wanted = new Set(sources.selection.types ?? STORED_TYPES);
  const paths = sources.journals.map(({ path }) => path);
  // Counting the lines once saves a scan of the journals for every absent type.
  const open = wanted.size > 1 && paths.length > 0 ? await countLines(database, paths) : undefined;
  const relations = new Map<RecordType, TypeRelation>();
  for (const type of STORED_TYPES.filter((candidate) => wanted.has(candidate))) {
    const journals = !open || open.has(type) ? sources.journals : [];
    relations.set(type, await typeRelation(database, type, { ...sources, journals }));
  }
  return relations;
}
