import type { RecordType } from '../model/records.js';
import type { Column } from '../model/schema.js';
import { EARLIEST, LATEST } from '../model/time.js';
import { type Database, sqlName, sqlText } from '../storage/database/duckdb.js';
import { plausibleRows } from '../storage/database/plausible-rows.js';
import { asPattern } from '../storage/database/record-load.js';
import { tableColumns, validCondition } from '../storage/database/record-table.js';
import { scanNdjson } from './ndjson-scan.js';
import { PlainCopy } from './plain-copy.js';
import type { LoadedText, TextTarget } from './text-target.js';

/** Bytes of the longest line; DuckDB reserves several times as much. */
const LONGEST_LINE = 1 << 16;

/**
 * Loads an NDJSON file by DuckDB's own reader. Returns the records of each type in it, in file order by their place in `target`.
 * Returns undefined, without a message, unless every line is a record beyond doubt: then the file has to be read by
 * `readNdjson`, which says what is wrong with which line.
 */
export async function loadNdjson(
  database: Database,
  path: string,
  target: TextTarget,
): Promise<readonly LoadedText[] | undefined> {
  if (!/\.(?:ndjson|jsonl)(?:\.(?:gz|zst))?$/i.test(path)) return undefined;
  let copy: PlainCopy | undefined;
  try {
    copy = await PlainCopy.open(path);
    const counts = await scanNdjson(path, copy);
    const read = counts && counts.size > 0 ? readExpression(copy.file, [...counts.keys()]) : undefined;
    if (counts && read !== undefined) {
      await database.run(target.create(read));
      const loaded = await checkedTypes(database, target, counts);
      if (loaded) return loaded;
    }
  } catch {
    // Whatever is wrong with the file, the other reader says it in the words of the user.
  } finally {
    await copy?.dispose();
  }
  await target.drop();
  return undefined;
}

/** Returns the records of each type, undefined unless there are as many as the file has lines of it. */
async function checkedTypes(
  database: Database,
  { relation, placeOf }: TextTarget,
  counts: ReadonlyMap<RecordType, number>,
): Promise<readonly LoadedText[] | undefined> {
  const loaded: LoadedText[] = [];
  const places = [...counts.values()].reduce((sum, lines) => sum + lines, 0);
  for (const [type, lines] of counts) {
    const columns = [...tableColumns(type).map(({ name }) => sqlName(name)), ...placeOf(type)];
    const ofType = `FROM ${relation} WHERE "type" = ${sqlText(type)}`;
    const { select, condition } = await plausibleRows(database, type, `SELECT ${columns.join(', ')} ${ofType}`);
    const [row] = await database.rows(
      `SELECT (SELECT count(*) ${ofType} AND is_clean) AS clean,
         (SELECT count(*) FROM (${select}) WHERE ${validCondition(type)} AND ${condition}) AS valid`,
    );
    if (Number(row?.clean) !== lines || Number(row?.valid) !== lines) return undefined;
    loaded.push({ type, select, rows: lines, places });
  }
  return loaded;
}

/** Returns the SELECT of all columns of the types, undefined where two types have a column of one name and different kinds. */
function readExpression(file: string, types: readonly RecordType[]): string | undefined {
  const columns = new Map<string, { readonly sqlType: string; readonly column: Column | undefined }>();
  for (const { name, sqlType, column } of types.flatMap(tableColumns)) {
    const known = columns.get(name);
    if (known !== undefined && known.column?.kind !== column?.kind) return undefined;
    columns.set(name, { sqlType, column });
  }
  const given = [...columns].map(([name, { column }]) => `${sqlText(name)}: ${sqlText(readType(column))}`);
  const values = [...columns].map(([name, { column, sqlType }]) => {
    const value = sqlName(name);
    const read =
      column?.kind === 'time' ? timeExpression(value) : column?.kind === 'long' ? `TRY_CAST(${value} AS BIGINT)` : value;
    return `${read}::${sqlType} AS ${value}`;
  });
  const clean = [...columns].flatMap(([name, { column }]) => (column ? cleanCondition(sqlName(name), column) : []));
  return `SELECT ${values.join(', ')}, ${['true', ...clean].join(' AND ')} AS is_clean FROM read_ndjson(${sqlText(asPattern(file))}, columns = {${given.join(', ')}}, records = true,
    ignore_errors = true, maximum_object_size = ${LONGEST_LINE}, compression = 'uncompressed')`;
}

function readType(column: Column | undefined): string {
  if (column?.kind === 'time' || column?.kind === 'count') return 'BIGINT';
  if (column?.kind === 'number') return 'DOUBLE';
  return column?.kind === 'flag' ? 'BOOLEAN' : 'VARCHAR';
}

function timeExpression(value: string): string {
  return `make_timestamptz(CASE WHEN ${isTime(value)} THEN ${value} END)`;
}

function isTime(value: string): string {
  return `${value} >= ${EARLIEST} AND ${value} < ${LATEST}`;
}

/** Returns the conditions that a value of the file is what `readNdjson` makes of it. */
function cleanCondition(value: string, { kind }: Column): string[] {
  if (kind === 'time') return [`coalesce(${isTime(value)}, true)`];
  // Another way to write the number, as 007, or a negative one.
  if (kind === 'long')
    return [`coalesce(TRY_CAST(${value} AS BIGINT)::VARCHAR = ${value} AND ${value} NOT LIKE '-%', ${value} IS NULL)`];
  if (kind === 'count') return [`coalesce(abs(${value}) <= ${Number.MAX_SAFE_INTEGER}, true)`];
  return kind === 'number' ? [`coalesce(isfinite(${value}), true)`] : [];
}
