import { open } from 'node:fs/promises';
import { FailureError } from '../model/errors.js';
import { columnsOf, RECORD_TYPES, type RecordType } from '../model/records.js';
import type { Column } from '../model/schema.js';
import { EARLIEST, LATEST } from '../model/time.js';
import { type Database, sqlName, sqlText } from '../storage/database/duckdb.js';
import { formatOf } from './formats.js';
import { readLines } from './lines.js';
import { typeOfColumns } from './record-shape.js';

/** A text file to load: `path` names it in messages, `file` is its unpacked copy. */
type TextFile = { readonly path: string; readonly file: string; readonly table: string };

/** How a column of text is read, and the condition that each of its texts means exactly this value. */
type Reading = { readonly value: string; readonly condition: string };

const DELIMITERS = [',', ';', '\t', '|'];
const LONGEST_HEADER = 1 << 20;
const MOST_COLUMNS = 1_000;
/** Bytes of the longest line. DuckDB reserves several times as much. */
export const LONGEST_LINE = 1 << 23;
const NUMBER = '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$';

/**
 * Loads a CSV file into a temporary table. A column gets a type only when every text in it means exactly that value: an id
 * such as `007`, or one of twenty digits, would change as a number and stays text.
 */
export async function createCsvTable(database: Database, { path, file, table }: TextFile): Promise<void> {
  const first = await firstLine(file, path);
  const delimiter = delimiterOf(first, path);
  const { default: papaparse } = await import('papaparse');
  const cells = (papaparse.parse<string[]>(first, { delimiter }).data[0] ?? []).map((cell) => cell.trim());
  if (cells.length > MOST_COLUMNS)
    throw new FailureError(`${path}: expected at most ${MOST_COLUMNS} columns, found ${cells.length}`);
  const isHeader = !cells.some((cell) => cell !== '' && Number.isFinite(Number(cell)));
  const names = cells.map((cell, index) => (isHeader && cell !== '' ? cell : `column${index}`));
  const twice = names.find((name, index) => names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) !== index);
  if (twice !== undefined) throw new FailureError(`${path}: column ${twice} appears twice`);
  const columns = names.map((name) => `${sqlText(name)}: 'VARCHAR'`).join(', ');
  const texts = `${table}_text`;
  await database
    .run(
      `CREATE TEMP TABLE ${sqlName(texts)} AS SELECT * FROM read_csv(${sqlText(file)}, auto_detect = false, header = ${isHeader},
        delim = ${sqlText(delimiter)}, quote = '"', escape = '"', nullstr = '', strict_mode = true, max_line_size = ${LONGEST_LINE},
        columns = {${columns}})`,
    )
    .catch((error: Error) => {
      throw csvFailure(error, path);
    });
  const known = knownColumns(await typesIn(database, texts, names, path));
  const readings = await readingsOf(database, texts, names, known);
  await database.run(
    `CREATE TEMP TABLE ${sqlName(table)} AS SELECT ${names.map((name, index) => `${readings[index]} AS ${sqlName(name)}`).join(', ')} FROM ${sqlName(texts)}`,
  );
  await database.run(`DROP TABLE ${sqlName(texts)}`);
}

/** Loads a JSON or NDJSON file into a temporary table; columns of records get the types of the schema. */
export async function createJsonTable(database: Database, { path, file, table }: TextFile): Promise<void> {
  const raw = `${table}_raw`;
  await database
    .run(`CREATE TEMP TABLE ${sqlName(raw)} AS SELECT * FROM read_json(${sqlText(file)}, sample_size = -1)`)
    .catch(async (error: Error) => {
      const [, reason] = / in (?:record\/value|line) \d+[:,]? ?([^.\n]*)/.exec(error.message) ?? [];
      const line = formatOf(path) === 'ndjson' ? await firstBrokenLine(file) : undefined;
      throw new FailureError(`${path}${line ? `:${line}` : ''}: not valid JSON${reason ? ` (${reason})` : ''}`, { cause: error });
    });
  const columns = (await database.rows(`DESCRIBE ${sqlName(raw)}`)).map((row) => [
    String(row.column_name),
    String(row.column_type),
  ]);
  const names = columns.map(([name]) => name as string);
  const known = knownColumns(await typesIn(database, raw, names, path));
  const select: string[] = [];
  for (const [name = '', type] of columns) {
    const column = known.get(name);
    const texts = column && type === 'VARCHAR' ? exactReading(sqlName(name), column) : undefined;
    const fits = texts !== undefined && (await database.number(countOf(raw, name, texts))) === 0;
    select.push(`${fits ? texts.value : jsonValue(sqlName(name), type ?? '', column)} AS ${sqlName(name)}`);
  }
  await database.run(`CREATE TEMP TABLE ${sqlName(table)} AS SELECT ${select.join(', ')} FROM ${sqlName(raw)}`);
  await database.run(`DROP TABLE ${sqlName(raw)}`);
}

/** Returns the number of the first line that is no JSON. DuckDB counts records instead of lines, and one too many. */
async function firstBrokenLine(file: string): Promise<number | undefined> {
  let number = 0;
  for await (const { lines } of readLines(file)) {
    for (const line of lines) {
      number += 1;
      if (!isBlankOrJson(line)) return number;
    }
  }
  return undefined;
}

function isBlankOrJson(line: string): boolean {
  try {
    if (line.trim() !== '') JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

function jsonValue(name: string, type: string, column: Column | undefined): string {
  if (column?.kind === 'time' && /^U?BIGINT$/.test(type)) return `make_timestamptz(${name})`;
  if (column?.kind === 'text') return `${name}::VARCHAR`;
  return column?.kind === 'number' && /INT|DECIMAL/.test(type) ? `${name}::DOUBLE` : name;
}

async function firstLine(file: string, path: string): Promise<string> {
  const handle = await open(file);
  try {
    const bytes = Buffer.alloc(LONGEST_HEADER);
    const { bytesRead } = await handle.read(bytes, 0, LONGEST_HEADER, 0);
    const text = bytes.toString('utf8', 0, bytesRead);
    const end = text.search(/[\r\n]/);
    if (bytesRead === 0 || end === 0) throw new FailureError(`${path}: expected a header in the first line, found none`);
    if (end < 0 && bytesRead === LONGEST_HEADER) throw new FailureError(`${path}: the first line is too long for a header`);
    if (text.includes('\u0000')) throw new FailureError(`${path}: expected text, found NUL bytes`);
    return end < 0 ? text : text.slice(0, end);
  } finally {
    await handle.close();
  }
}

/** Returns the delimiter of a header. A wrong one cannot pass: every row must have as many cells as the header. */
function delimiterOf(header: string, path: string): string {
  if (/\.tsv(\.|$)/i.test(path)) return '\t';
  const plain = header.replace(/"[^"]*"/g, '');
  const counts = DELIMITERS.map((delimiter) => plain.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] as string;
}

function csvFailure(error: Error, path: string): Error {
  const [, line] = /on Line: (\d+)/.exec(error.message) ?? [];
  const [, expected, found] = /Number of Columns: (\d+) Found: (\d+)/.exec(error.message) ?? [];
  if (line === undefined) return error;
  const lines = error.message.split('\n').filter((text) => !/^(Invalid Input Error|Original Line)/.test(text));
  const reason = expected ? `expected ${expected} columns, found ${found}` : (lines[0] ?? 'cannot be read');
  return new FailureError(`${path}:${line}: ${reason}`, { cause: error });
}

/** Returns the record types of a file: those in its column `type`, or the one whose columns it has; none for a foreign file. */
async function typesIn(database: Database, table: string, names: readonly string[], path: string): Promise<RecordType[]> {
  const types: readonly string[] = RECORD_TYPES;
  if (names.includes('type')) {
    const rows = await database.rows(`SELECT DISTINCT "type"::VARCHAR AS type FROM ${sqlName(table)} LIMIT 100`);
    const found = rows.map(({ type }) => String(type));
    return found.every((type) => types.includes(type)) ? (found as RecordType[]) : [];
  }
  try {
    return [typeOfColumns(names, path)];
  } catch {
    return [];
  }
}

/** Returns the columns of record types by name, without those that have another kind in another type. */
function knownColumns(types: readonly RecordType[]): Map<string, Column> {
  const columns = new Map<string, Column>();
  const mixed = new Set<string>();
  for (const [name, column] of types.flatMap(columnsOf)) {
    if ((columns.get(name)?.kind ?? column.kind) !== column.kind) mixed.add(name);
    columns.set(name, column);
  }
  for (const name of mixed) columns.delete(name);
  return columns;
}

/** Returns the expression of each column: that of the first reading which fits all of its texts. */
async function readingsOf(
  database: Database,
  table: string,
  names: readonly string[],
  known: ReadonlyMap<string, Column>,
): Promise<string[]> {
  const expressions: string[] = [];
  for (const name of names) {
    const column = known.get(name);
    const readings = name === 'type' || column?.kind === 'text' ? [] : candidates(sqlName(name), column);
    let expression = column?.kind === 'text' ? `regexp_replace(${sqlName(name)}, '^''(''*[=+@\\t\\r-])', '\\1')` : sqlName(name);
    for (const reading of readings) {
      if ((await database.number(countOf(table, name, reading))) > 0) continue;
      expression = reading.value;
      break;
    }
    expressions.push(expression);
  }
  return expressions;
}

/** Counts the texts that a reading does not fit. An empty column stays text. */
function countOf(table: string, name: string, { condition }: Reading): string {
  return `SELECT CASE WHEN count(${sqlName(name)}) = 0 THEN 1 ELSE count(*) FILTER (${sqlName(name)} IS NOT NULL AND NOT coalesce(${condition}, false)) END FROM ${sqlName(table)}`;
}

function candidates(name: string, column: Column | undefined): Reading[] {
  const exact = column && exactReading(name, column);
  const cast = (type: string, condition: string): Reading => ({ value: `TRY_CAST(${name} AS ${type})`, condition });
  return [
    ...(exact ? [exact] : []),
    cast('BIGINT', `TRY_CAST(${name} AS BIGINT)::VARCHAR = ${name}`),
    cast('DOUBLE', numberCondition(name)),
    cast('DATE', `regexp_matches(${name}, '^\\d{4}-\\d\\d-\\d\\d$') AND TRY_CAST(${name} AS DATE) IS NOT NULL`),
    cast(
      'TIMESTAMPTZ',
      `regexp_matches(${name}, '^\\d{4}-.*\\d(Z|[+-]\\d\\d(:?\\d\\d)?)$') AND TRY_CAST(${name} AS TIMESTAMPTZ) IS NOT NULL`,
    ),
    cast('TIMESTAMP', `regexp_matches(${name}, '^\\d{4}-.*:\\d\\d([.]\\d+)?$') AND TRY_CAST(${name} AS TIMESTAMP) IS NOT NULL`),
    cast('BOOLEAN', `lower(${name}) IN ('true', 'false')`),
  ];
}

/** A number of up to 17 digits, without a leading zero: a longer one loses digits as a double. */
function numberCondition(name: string): string {
  return `regexp_matches(${name}, '${NUMBER}') AND NOT regexp_matches(${name}, '^[+-]?0[0-9]') AND isfinite(TRY_CAST(${name} AS DOUBLE))
    AND length(ltrim(regexp_replace(regexp_replace(${name}, '[eE].*$', ''), '[^0-9]', '', 'g'), '0')) <= 17`;
}

/** Returns how a text is read as the column of a record type. */
function exactReading(name: string, { kind }: Column): Reading | undefined {
  const integer = `TRY_CAST(${name} AS BIGINT)`;
  const isInteger = `${integer}::VARCHAR = ${name}`;
  if (kind === 'time')
    return {
      value: `make_timestamptz(${integer})`,
      condition: `${isInteger} AND ${integer} >= ${EARLIEST} AND ${integer} < ${LATEST}`,
    };
  if (kind === 'long' || kind === 'count') return { value: integer, condition: isInteger };
  if (kind === 'number') return { value: `TRY_CAST(${name} AS DOUBLE)`, condition: numberCondition(name) };
  if (kind === 'flag') return { value: `TRY_CAST(${name} AS BOOLEAN)`, condition: `${name} IN ('true', 'false')` };
  const type = kind === 'levels' ? 'DOUBLE[][]' : 'JSON';
  return kind === 'text'
    ? undefined
    : { value: `TRY_CAST(${name} AS ${type})`, condition: `TRY_CAST(${name} AS ${type}) IS NOT NULL` };
}
