import type { RecordType } from '../../model/records.js';
import { type Database, sqlName } from '../database/duckdb.js';
import { type PartitionRows, partitionCondition, partitionRows, recount } from '../database/partition-rows.js';
import { dropKnown, dropRepeated, loadLines, storedFiles } from '../database/record-load.js';
import { emptyRelation, keyExpressions, precedence, tableColumns } from '../database/record-table.js';
import { type Partition, partitionPath } from '../files/partition.js';
import type { JournalEntry } from '../journal/journal.js';
import { groupFiles } from '../log/overlaps.js';
import { absolutePath, type StoreContext } from '../log/store-context.js';
import { mayOverlap, type StoredFile, type StoreState } from '../log/store-state.js';
import { fileSelection, isWhole, rowCondition, type StoreSelection, wantsFile, wantsPartition } from './store-selection.js';

/** Sources of a snapshot: the sealed files of a state and the journals that were open at that moment. */
export type Sources = {
  readonly context: StoreContext;
  readonly state: StoreState;
  readonly journals: readonly JournalEntry[];
  readonly selection: StoreSelection;
};

/** The sealed rows of one partition: files that are read as they are, and SELECTs that keep one row per key. */
type Part = {
  readonly partition: Partition;
  readonly plain: readonly StoredFile[];
  readonly plainPaths: readonly string[];
  readonly chosen: readonly string[];
  readonly chosenPaths: readonly string[];
};

/** Number of records, minimum and maximum `timestamp` (microseconds). */
export type Extent = { readonly rows: number; readonly min: number; readonly max: number };

/** The selected records of one type, each once, as SQL. */
export class TypeRelation {
  readonly #type: RecordType;
  readonly #selection: StoreSelection;
  readonly #parts: readonly Part[];
  readonly #open: OpenRecords;

  constructor(type: RecordType, selection: StoreSelection, parts: readonly Part[], open: OpenRecords) {
    this.#type = type;
    this.#selection = selection;
    this.#parts = parts;
    this.#open = open;
  }

  /** Absolute paths of the files that the relation reads. */
  get files(): string[] {
    return this.#parts.flatMap(({ plainPaths, chosenPaths }) => [...plainPaths, ...chosenPaths]);
  }

  /** The partitions that may have records. */
  get partitions(): Partition[] {
    return [...this.#parts, ...this.#open.partitions].map(({ partition }) => partition);
  }

  /** Count and times of the unsealed records, by partition. */
  get open(): readonly PartitionRows[] {
    return this.#open.partitions;
  }

  /** Returns the relation for use after FROM; opens only files of the partitions that `isWanted` accepts. */
  sql(isWanted: (partition: Partition) => boolean = () => true): string {
    const parts = this.#parts.filter(({ partition }) => isWanted(partition));
    const plain = parts.flatMap(({ plainPaths }) => plainPaths);
    const branches = parts.flatMap(({ chosen }) => chosen);
    if (plain.length > 0) branches.unshift(readFiles(this.#type, plain, this.#selection));
    const open = this.#openPartitions(isWanted);
    if (open.length > 0)
      branches.push(`SELECT * FROM ${sqlName(this.#open.table)} WHERE ${open.map(({ where }) => `(${where})`).join(' OR ')}`);
    return branches.length > 0 ? `(${branches.join(' UNION ALL ')})` : emptyRelation(this.#type);
  }

  /** Returns count and times of the records. The log has them; only overlapping files and files cut by the selection are read. */
  async extent(database: Database, isWanted: (partition: Partition) => boolean): Promise<Extent | undefined> {
    const parts = this.#parts.filter(({ partition }) => isWanted(partition));
    const known: Extent[] = [...this.#openPartitions(isWanted)];
    const unknown: string[] = parts.flatMap(({ chosen }) => chosen);
    for (const { plain, plainPaths } of parts) {
      const cut = plainPaths.filter((_, index) => !isWhole(this.#selection, plain[index] as StoredFile));
      known.push(...plain.filter((file) => isWhole(this.#selection, file)));
      if (cut.length > 0) unknown.push(readFiles(this.#type, cut, this.#selection));
    }
    for (const select of unknown) {
      const columns = 'count(*) AS rows, epoch_us(min("timestamp")) AS min, epoch_us(max("timestamp")) AS max';
      const [row] = await database.rows(`SELECT ${columns} FROM (${select})`);
      known.push({ rows: Number(row?.rows), min: Number(row?.min), max: Number(row?.max) });
    }
    return known.filter(({ rows }) => rows > 0).reduce<Extent | undefined>(unite, undefined);
  }

  /** Returns partitions of unsealed rows, without those in which unsealed rows supersede sealed ones: `chosen` has these. */
  #openPartitions(isWanted: (partition: Partition) => boolean): PartitionRows[] {
    const { partitions, superseded } = this.#open;
    return partitions.filter(({ partition }) => isWanted(partition) && !superseded.has(partitionPath(partition)));
  }
}

function unite(a: Extent | undefined, b: Extent): Extent {
  if (!a) return b;
  return { rows: a.rows + b.rows, min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

/** Returns the selected records of a type. Loads the unsealed ones now; files are read when the relation is used. */
export async function typeRelation(database: Database, type: RecordType, sources: Sources): Promise<TypeRelation> {
  const { context, state, selection } = sources;
  const open = await loadOpen(database, type, sources);
  const parts: Part[] = [];
  const ofFiles = fileSelection(selection, type);
  for (const { partition, files } of state.partitions(new Set([type]))) {
    if (!wantsPartition(ofFiles, partition)) continue;
    const superseded = open.superseded.get(partitionPath(partition));
    const { plain, overlapping } = chooseGroups(files, superseded, ofFiles);
    const chosenPaths = overlapping.map((file) => absolutePath(context, file));
    const copies = chosenPaths.length > 0 ? [readFiles(type, chosenPaths, selection)] : [];
    if (superseded) copies.push(`SELECT * FROM ${sqlName(open.table)} WHERE ${partitionCondition(partition)}`);
    const chosen = copies.length > 0 ? [`SELECT * FROM (${copies.join(' UNION ALL ')}) ${oneOfEachKey(type)}`] : [];
    const plainPaths = plain.map((file) => absolutePath(context, file));
    parts.push({ partition, plain, plainPaths, chosen, chosenPaths });
  }
  return new TypeRelation(type, selection, parts, open);
}

function readFiles(type: RecordType, paths: readonly string[], selection: StoreSelection): string {
  const condition = rowCondition(selection, type) ?? 'true';
  const columns = tableColumns(type).map(({ name }) => sqlName(name));
  return `SELECT ${columns.join(', ')} FROM ${storedFiles(type, paths)} WHERE ${condition}`;
}

/**
 * Returns the QUALIFY clause that keeps one row per key, by precedence. At equal precedence the hash of the row decides, so
 * that every reader and every merge keeps the same row.
 */
export function oneOfEachKey(type: RecordType): string {
  const columns = tableColumns(type).map(({ name }) => sqlName(name));
  const order = `${precedence(type)}, hash(${columns.join(', ')})`;
  return `QUALIFY row_number() OVER (PARTITION BY ${keyExpressions(type).join(', ')} ORDER BY ${order}) = 1`;
}

function chooseGroups(files: readonly StoredFile[], superseded: ReadonlySet<string> | undefined, selection: StoreSelection) {
  const groups = groupFiles(files);
  const isSuperseded = ({ path }: StoredFile) => superseded?.has(path) ?? false;
  const overlapping = [...groups.overlapping, ...groups.plain.filter(isSuperseded)];
  const plain = groups.plain.filter((file) => !isSuperseded(file));
  const isWanted = (file: StoredFile) => wantsFile(selection, file);
  return { plain: plain.filter(isWanted), overlapping: overlapping.filter(isWanted) };
}

type OpenRecords = {
  readonly table: string;
  readonly partitions: readonly PartitionRows[];
  /** By partition path, the files that unsealed records supersede in part: reading them keeps one row per key. */
  readonly superseded: ReadonlyMap<string, ReadonlySet<string>>;
};

/** Loads the selected unsealed records, without duplicates of sealed ones. */
async function loadOpen(
  database: Database,
  type: RecordType,
  { context, state, journals, selection }: Sources,
): Promise<OpenRecords> {
  const table = `open_${type}`;
  const superseded = new Map<string, Set<string>>();
  if (journals.length === 0) return { table, partitions: [], superseded };
  const where = rowCondition(selection, type);
  await loadLines(database, { type, table, paths: journals.map(({ path }) => path), ...(where ? { where } : {}) });
  await dropRepeated(database, table, type);
  const partitions: PartitionRows[] = [];
  for (const rows of await partitionRows(database, type, sqlName(table))) {
    const known = state.partition(rows.partition).filter((file) => mayOverlap(file, { ...NO_FILE, ...rows }));
    if (known.length === 0) {
      partitions.push(rows);
      continue;
    }
    const files = known.map((file) => absolutePath(context, file));
    const { dropped, contradicting, superseding } = await dropKnown(database, {
      table,
      type,
      where: rows.where,
      files,
      span: rows,
    });
    const rest = dropped + contradicting > 0 ? await recount(database, table, rows) : rows;
    if (rest) partitions.push(rest);
    if (superseding > 0) superseded.set(partitionPath(rows.partition), new Set(known.map(({ path }) => path)));
  }
  return { table, partitions, superseded };
}

const NO_FILE = { path: '', bytes: 0, segments: [] };
