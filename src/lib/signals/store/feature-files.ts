import { isPlainParquet } from '../../input/formats.js';
import { expandPaths } from '../../input/paths.js';
import { typeOfColumns } from '../../input/record-shape.js';
import type { AnyRecord, RecordOf } from '../../model/records.js';
import type { RecordSelection } from '../../model/selection.js';
import { Database } from '../../storage/database/duckdb.js';
import { parquetRows } from '../../storage/database/parquet-records.js';
import { tableRecords } from '../../storage/database/record-rows.js';
import { type RowGroups, rowGroups, typedChunks } from '../../storage/database/typed-chunks.js';
import { rowCondition } from '../../storage/reading/store-selection.js';
import type { GeneratorOptions } from '../generator.js';
import type { SignalRules } from '../rules.js';
import { triggersOf } from '../triggers.js';

type FeatureRow = RecordOf<'features'>;

/** Facts about all selected rows of files. */
type RowFacts = {
  readonly rows: number;
  readonly warm: number;
  readonly damaged: number;
  /** The last row of each symbol, where it is not warm. */
  readonly cold: readonly FeatureRow[];
};

/** The selected rows of files, of which only those that may trigger become records. */
export type FeatureFiles = {
  readonly facts: RowFacts;
  /** Yields the rows that may trigger, in their order. */
  readonly triggered: () => AsyncGenerator<AnyRecord[]>;
  readonly close: () => Promise<void>;
};

const SERIES = ['exchange', 'market', 'symbol'];
/** Exceeds the rows of any file: the positions of the next file start here. */
const FILE_STEP = 2 ** 40;

/**
 * Reads Parquet files of features by columns. Few of their rows trigger, and a record of each would take most of the time.
 * Returns undefined, without a message, for what has to be judged record by record: other files, rows that are no records,
 * times that do not ascend, triggers of the user's own.
 */
export async function openFeatureFiles(
  paths: readonly string[],
  selection: RecordSelection,
  rules: GeneratorOptions['rules'],
): Promise<FeatureFiles | undefined> {
  const files = await expandPaths(paths);
  if (files.length === 0 || !files.every(isPlainParquet)) return undefined;
  const database = await Database.open();
  const found = await readFiles(database, files, selection, rules).catch(() => {
    // Whatever is wrong with a file, the other reader says it in the words of the user.
    return undefined;
  });
  if (!found) await database.close();
  return found;
}

async function readFiles(
  database: Database,
  files: readonly string[],
  selection: RecordSelection,
  rules: GeneratorOptions['rules'],
): Promise<FeatureFiles | undefined> {
  const selects: string[] = [];
  for (const [index, path] of files.entries()) {
    const position = `file_row_number + ${index * FILE_STEP}`;
    const typeOf = (columns: readonly string[]) => typeOfColumns(columns, path);
    const { type, select, condition } = await parquetRows(database, path, typeOf, position);
    if (type !== 'features') return undefined;
    // A broken row is reported even where it is not selected.
    if ((await database.number(`SELECT count(*) FROM (${select}) WHERE (${condition}) IS NOT TRUE`)) > 0) return undefined;
    selects.push(select);
  }
  const selected = rowCondition(selection, 'features') ?? 'true';
  const relation = `(SELECT * FROM (${selects.join(' UNION ALL ')}) WHERE ${selected})`;
  const groups = await rowGroups(database, relation, SERIES, 'feature_files');
  const ofSeries = groups.names.map(([exchange = '', market = '', symbol = '']) => rules({ exchange, market, symbol }));
  if (ofSeries.some(({ triggers }) => triggers !== undefined)) return undefined;
  const watch = new RowWatch(groups.names.length);
  const columns = `epoch_us("timestamp")::DOUBLE, "warm"::INTEGER, "gap_in_window"::INTEGER, ${groups.code}, position::DOUBLE`;
  for await (const chunk of typedChunks(database, `SELECT ${columns} FROM ${relation}`, groups.rows)) {
    const [warm, gaps, codes] = [1, 2, 3].map((column) => chunk.integers(column)) as [Int32Array, Int32Array, Int32Array];
    const [times, positions] = [chunk.numbers(0), chunk.numbers(4)];
    for (let row = 0; row < chunk.rows; row++) {
      const values = [times[row], warm[row], gaps[row], positions[row]] as [number, number, number, number];
      if (!watch.add(codes[row] as number, ...values)) return undefined;
    }
  }
  const cold = await coldRows(database, relation, watch.coldPositions);
  const { warm, damaged } = watch;
  return {
    facts: { rows: groups.rows, warm, damaged, cold },
    triggered: () => rowsWhere(database, relation, triggerCondition(ofSeries, groups), 'triggered'),
    close: () => database.close(),
  };
}

/** Follows the rows of each symbol. */
class RowWatch {
  warm = 0;
  damaged = 0;
  readonly #times: Float64Array;
  /** Of each symbol the position of its last row, -1 when that one is warm. */
  readonly #cold: Float64Array;

  constructor(symbols: number) {
    this.#times = new Float64Array(symbols);
    this.#cold = new Float64Array(symbols).fill(-1);
  }

  /** Returns false for a row that is not later than the one before it: a row that is there twice is judged once. */
  add(code: number, time: number, warm: number, damaged: number, position: number): boolean {
    if (!(time > (this.#times[code] as number))) return false;
    this.#times[code] = time;
    this.warm += warm;
    this.damaged += damaged;
    this.#cold[code] = warm === 1 ? -1 : position;
    return true;
  }

  get coldPositions(): readonly number[] {
    return [...this.#cold].filter((position) => position >= 0);
  }
}

async function coldRows(database: Database, relation: string, positions: readonly number[]): Promise<FeatureRow[]> {
  const rows: FeatureRow[] = [];
  const condition = positions.length > 0 ? `position IN (${positions.join(', ')})` : 'false';
  for await (const records of rowsWhere(database, relation, condition, 'cold')) rows.push(...(records as FeatureRow[]));
  return rows;
}

async function* rowsWhere(database: Database, relation: string, condition: string, table: string): AsyncGenerator<AnyRecord[]> {
  await database.run(
    `CREATE TEMP TABLE ${table} AS SELECT * EXCLUDE (position) FROM ${relation} WHERE ${condition} ORDER BY position`,
  );
  yield* tableRecords(database, 'features', table);
}

/** Returns the condition that a row, or its mirror, reaches every threshold of its symbol, as `triggeredSide` has it. */
function triggerCondition(rules: readonly SignalRules[], { code }: RowGroups): string {
  const series = new Map<string, number[]>();
  for (const [index, one] of rules.entries()) {
    const condition = `(${reached(one, '')} OR ${reached(one, '-')})`;
    series.set(condition, [...(series.get(condition) ?? []), index]);
  }
  const parts = [...series].map(([condition, codes]) => `(${code} IN (${codes.join(', ')}) AND ${condition})`);
  return parts.length > 0 ? parts.join(' OR ') : 'false';
}

function reached(rules: SignalRules, sign: string): string {
  const parts = triggersOf(rules).map(({ feature, threshold }) => `${sign}"${feature}" >= '${threshold}'::DOUBLE`);
  return `(${parts.join(' AND ')})`;
}
