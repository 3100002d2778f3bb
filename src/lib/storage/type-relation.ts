import type { RecordType } from '../model/records.js';
import { type Database, sqlName } from './duckdb.js';
import type { JournalEntry } from './journal.js';
import { groupFiles } from './overlaps.js';
import { partitionPath } from './partition.js';
import { type PartitionRows, partitionCondition, partitionRows } from './partition-rows.js';
import { dropKnown, dropRepeated, loadLines, pathList } from './record-load.js';
import { keyExpressions, precedence, tableColumns } from './record-table.js';
import { absolutePath, type StoreContext } from './store-context.js';
import { rowCondition, type StoreSelection, wantsFile, wantsPartition } from './store-selection.js';
import { mayOverlap, type StoredFile, type StoreState } from './store-state.js';

/** What a snapshot reads: the sealed files of a state and the journals that were open then. */
export type Sources = {
  readonly context: StoreContext;
  readonly state: StoreState;
  readonly journals: readonly JournalEntry[];
  readonly selection: StoreSelection;
};

/** The selected records of one type, each once, as SQL relation, with the files it reads and the days it may touch. */
export type TypeRelation = { readonly sql: string; readonly files: readonly string[]; readonly dates: readonly string[] };

/** Returns the selected records of a type, undefined when there are none. Records of journals are loaded now. */
export async function typeRelation(database: Database, type: RecordType, sources: Sources): Promise<TypeRelation | undefined> {
  const { context, state, selection } = sources;
  const open = await loadOpen(database, type, sources);
  const condition = rowCondition(selection, type) ?? 'true';
  const columns = tableColumns(type).map(({ name }) => sqlName(name));
  const read = (files: readonly StoredFile[]) =>
    `SELECT ${columns.join(', ')} FROM read_parquet(${pathList(files.map((file) => absolutePath(context, file)))}) WHERE ${condition}`;
  const branches: string[] = [];
  const plain: StoredFile[] = [];
  const chosen: StoredFile[] = [];
  for (const { partition, files } of state.partitions(new Set([type]))) {
    if (!wantsPartition(selection, partition)) continue;
    const superseded = open.superseded.get(partitionPath(partition));
    const groups = chooseGroups(files, superseded, selection);
    plain.push(...groups.plain);
    chosen.push(...groups.overlapping);
    if (groups.overlapping.length === 0 && !superseded) continue;
    const copies = groups.overlapping.length > 0 ? [read(groups.overlapping)] : [];
    if (superseded) copies.push(`SELECT * FROM ${sqlName(open.table)} WHERE ${partitionCondition(partition)}`);
    branches.push(`SELECT * FROM (${copies.join(' UNION ALL ')}) ${oneOfEachKey(type)}`);
  }
  if (plain.length > 0) branches.unshift(read(plain));
  if (open.rest) branches.push(`SELECT * FROM ${sqlName(open.table)} WHERE ${open.rest}`);
  if (branches.length === 0) return undefined;
  const files = [...plain, ...chosen];
  return {
    sql: `(${branches.join(' UNION ALL ')})`,
    files: files.map((file) => absolutePath(context, file)),
    dates: datesOf(files, open.partitions),
  };
}

/** Returns the QUALIFY clause that keeps, of the rows with one key, the one that counts. */
export function oneOfEachKey(type: RecordType): string {
  return `QUALIFY row_number() OVER (PARTITION BY ${keyExpressions(type).join(', ')} ORDER BY ${precedence(type)}) = 1`;
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
  /** By partition path, the files of which open records supersede some: the choice is made by key when they are read. */
  readonly superseded: ReadonlyMap<string, ReadonlySet<string>>;
  /** The condition that selects the records of all other partitions; undefined when there are none. */
  readonly rest: string | undefined;
};

/** Loads the selected records of the journals, without those that are sealed already. */
async function loadOpen(
  database: Database,
  type: RecordType,
  { context, state, journals, selection }: Sources,
): Promise<OpenRecords> {
  const table = `open_${type}`;
  const superseded = new Map<string, Set<string>>();
  if (journals.length === 0) return { table, partitions: [], superseded, rest: undefined };
  const where = rowCondition(selection, type);
  await loadLines(database, { type, table, paths: journals.map(({ path }) => path), ...(where ? { where } : {}) });
  await dropRepeated(database, table, type);
  const partitions = await partitionRows(database, type, sqlName(table));
  for (const rows of partitions) {
    const known = state.partition(rows.partition).filter((file) => mayOverlap(file, { ...NO_FILE, ...rows }));
    if (known.length === 0) continue;
    const files = known.map((file) => absolutePath(context, file));
    const { superseding } = await dropKnown(database, { table, type, where: rows.where, files, span: rows });
    if (superseding > 0) superseded.set(partitionPath(rows.partition), new Set(known.map(({ path }) => path)));
  }
  const others = partitions.filter(({ partition }) => !superseded.has(partitionPath(partition)));
  const rest = others.length > 0 ? others.map((rows) => `(${rows.where})`).join(' OR ') : undefined;
  return { table, partitions, superseded, rest: superseded.size === 0 && rest ? 'true' : rest };
}

const NO_FILE = { path: '', bytes: 0, segments: [] };

function datesOf(files: readonly StoredFile[], open: readonly PartitionRows[]): string[] {
  const dates = files.map(({ path }) => /\/date=([^/]+)\//.exec(path)?.[1] ?? '');
  return [...new Set([...dates, ...open.map(({ partition }) => partition.date)])].sort();
}
