import { open } from 'node:fs/promises';
import { columnsOf, type RecordType } from '../model/records.js';
import type { Column } from '../model/schema.js';
import { EARLIEST, LATEST } from '../model/time.js';
import { type Database, sqlName, sqlText } from '../storage/database/duckdb.js';
import { isNotRounded, plausibleRows } from '../storage/database/plausible-rows.js';
import { asPattern } from '../storage/database/record-load.js';
import { tableColumns, validCondition } from '../storage/database/record-table.js';
import { readText } from './lines.js';
import { PlainCopy } from './plain-copy.js';
import { typeOfColumns } from './record-shape.js';
import type { LoadedText, TextTarget } from './text-target.js';

/** Types whose files are long. */
const TYPES: ReadonlySet<RecordType> = new Set(['trade', 'candle']);
const NEWLINE = 10;
const RETURN = 13;
/** Bytes whose meaning differs between readers: an apostrophe may stand before a text that is no formula. */
const AMBIGUOUS = ['\t', '\v', '\f', '\0', "'"];
/** DuckDB reads ` 1` and `1_000` as numbers. Names have them as well: then a number is read as text, which must be a plain one. */
const [BLANK, UNDERSCORE, QUOTE] = [' ', '_', '"'].map((character) => character.charCodeAt(0)) as [number, number, number];
const LONGEST_HEADER = 4096;
/** Bytes of the longest line; DuckDB reserves several times as much. */
const LONGEST_LINE = 1 << 16;

/**
 * Loads a CSV file of trades or candles by DuckDB's own reader, 20 times as fast as record by record. Returns its type and the
 * SELECT of its records, in file order by their place in `target`. Returns undefined, without a message, unless every line is
 * a record beyond doubt: then the file has to be read by `readCsv`, which says what is wrong with which row.
 */
export async function loadCsv(database: Database, path: string, target: TextTarget): Promise<LoadedText | undefined> {
  if (!isCsv(path)) return undefined;
  let copy: PlainCopy | undefined;
  try {
    copy = await PlainCopy.open(path);
    const text = await plainText(path, copy);
    const type = text?.type;
    if (!text || !type) return undefined;
    const columns = [...tableColumns(type).map(({ name }) => sqlName(name)), ...target.placeOf(type)];
    const rows = `SELECT ${columns.join(', ')} FROM ${target.relation}`;
    // What makes a trade needs no look at other rows, so that one pass answers it.
    const known = type === 'trade' ? await plausibleRows(database, type, rows) : undefined;
    await database.run(target.create(selectOf(copy.file, type, text, known && recordCondition(type, known.condition))));
    if ((await database.number(`SELECT count(*) FILTER (is_clean) FROM ${target.relation}`)) === text.lines) {
      const { select, condition } = known ?? (await plausibleRows(database, type, rows));
      const valid = `SELECT count(*) FROM (${select}) WHERE ${recordCondition(type, condition)}`;
      if (known || (await database.number(valid)) === text.lines) return { type, select, rows: text.lines, places: text.lines };
    }
  } catch {
    // Whatever is wrong with the file, the other reader says it in the words of the user.
  } finally {
    await copy?.dispose();
  }
  await target.drop();
  return undefined;
}

/**
 * The rows of a CSV file in the columns of their type, in file order. Where `is_clean` is true for all of them and they are `rows`,
 * every line means what DuckDB has read. `dispose` removes a copy of the text.
 */
export type CsvRows = {
  /** The cells of the last line by name, where no cell of the text is quoted. */
  readonly last: ReadonlyMap<string, string> | undefined;
  readonly type: RecordType;
  readonly select: string;
  readonly rows: number;
  readonly dispose: () => Promise<void>;
};

/**
 * Returns the rows of a CSV file of trades or candles where it lies; undefined as `loadCsv`. To copy them into a table takes
 * twice as long as to read and check them.
 */
export async function openCsv(path: string): Promise<CsvRows | undefined> {
  if (!isCsv(path)) return undefined;
  const copy = await PlainCopy.open(path);
  const text = await plainText(path, copy).catch(() => undefined);
  if (!text) {
    await copy.dispose();
    return undefined;
  }
  const { type, header, lines: rows, hasQuotes } = text;
  const last = hasQuotes ? undefined : await lastCells(copy.file, header);
  return { type, select: selectOf(copy.file, type, text), rows, last, dispose: () => copy.dispose() };
}

/** Returns the cells of the last line of a plain text, none for a line that is too long. */
async function lastCells(path: string, header: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(LONGEST_HEADER),
      0,
      LONGEST_HEADER,
      Math.max(0, size - LONGEST_HEADER),
    );
    const [, line] = /\n([^\n]+)\n?$/.exec(buffer.toString('utf8', 0, bytesRead)) ?? [];
    const cells = line?.replace(/\r$/, '').split(',') ?? [];
    return new Map(cells.map((cell, index) => [header[index] as string, cell]));
  } finally {
    await file.close();
  }
}

function isCsv(path: string): boolean {
  return /\.csv(\.(gz|zst))?$/i.test(path);
}

function recordCondition(type: RecordType, plausible: string): string {
  return `(${validCondition(type)} AND ${plausible})`;
}

/** Returns the type of the rows. With a column `type` others may stand beside those of the type, as `readCsv` has it. */
function ownTypeOf(header: readonly string[], path: string): RecordType | undefined {
  if (!header.includes('type')) return typeOfColumns(header, path);
  const [type, other] = [...TYPES].filter((one) =>
    columnsOf(one).every(([name, { required }]) => !required || header.includes(name)),
  );
  return other === undefined ? type : undefined;
}

/** A plain text with the names in its header; `lines` are those after it. */
type OwnText = Pick<PlainText, 'lines' | 'isLoose' | 'hasQuotes'> & {
  readonly header: readonly string[];
  readonly type: RecordType;
};

/** Returns the names in the header and the number of lines after it, undefined for a text that is not plain or of no type in `TYPES`. */
async function plainText(path: string, copy: PlainCopy): Promise<OwnText | undefined> {
  const text = await scanPlainText(path, { copy });
  // R writes names in quotes.
  const header = text?.first.split(',').map((name) => name.replace(/^"(.*)"$/, '$1'));
  if (!text || !header || new Set(header).size !== header.length) return undefined;
  if (header.some((name) => !/^[a-z_0-9]+$/.test(name))) return undefined;
  const type = ownTypeOf(header, path);
  if (!type || !TYPES.has(type)) return undefined;
  return { ...text, header, type, lines: text.isEnded ? text.lines : text.lines + 1 };
}

/**
 * A text that every reader splits into the same lines and cells. `lines` are the line ends after the first line: LF, or CR LF
 * throughout. Cells may be quoted: who reads them must compare the number of rows, as a quote may hide a line end. A loose text
 * has blanks or underscores, which DuckDB takes for parts of a number. None has blanks and quotes: ` "1"` is `1` for DuckDB.
 */
type PlainText = {
  readonly first: string;
  readonly lines: number;
  readonly isEnded: boolean;
  readonly isLoose: boolean;
  readonly hasQuotes: boolean;
};

type PlainOptions = { readonly delimiter?: string; readonly copy: PlainCopy };

/**
 * Returns what a text begins with and how many lines it has, undefined when a byte after its first line may be read in two
 * ways; `delimiter` may be there. Throws as `readText`, so that a cut or damaged file is found here.
 */
export async function scanPlainText(path: string, { delimiter = ',', copy }: PlainOptions): Promise<PlainText | undefined> {
  const bytes = AMBIGUOUS.filter((character) => character !== delimiter).map((character) => character.charCodeAt(0));
  const marks = new Marks();
  let first: string | undefined;
  let [lines, returns] = [0, 0];
  let last = NEWLINE;
  for await (const chunk of readText(path)) {
    let from = 0;
    if (first === undefined) {
      const end = chunk.indexOf(NEWLINE);
      if (end < 0 || end > LONGEST_HEADER) return undefined;
      first = chunk.subarray(0, end).toString('utf8');
      from = end + 1;
    }
    const rest = chunk.subarray(from);
    if (bytes.some((byte) => rest.includes(byte)) || (last === RETURN && !startsLine(rest))) return undefined;
    if (!marks.add(rest)) return undefined;
    await copy.add(chunk);
    lines += countOf(rest, NEWLINE);
    returns += countPairs(rest);
    if (rest.length > 0) last = rest[rest.length - 1] as number;
  }
  if (first === undefined) return undefined;
  const hasReturns = first.endsWith('\r');
  if (returns !== (hasReturns ? lines : 0)) return undefined;
  const { isLoose, hasQuotes } = marks;
  return { first: hasReturns ? first.slice(0, -1) : first, lines, isEnded: last === NEWLINE, isLoose, hasQuotes };
}

/** Which bytes a text has that are read in two ways in some places only. */
class Marks {
  hasQuotes = false;
  #hasBlanks = false;
  #hasUnderscores = false;

  get isLoose(): boolean {
    return this.#hasBlanks || this.#hasUnderscores;
  }

  /** Returns whether the text is plain so far. */
  add(bytes: Buffer): boolean {
    this.hasQuotes ||= bytes.includes(QUOTE);
    this.#hasBlanks ||= bytes.includes(BLANK);
    this.#hasUnderscores ||= bytes.includes(UNDERSCORE);
    return !(this.#hasBlanks && this.hasQuotes);
  }
}

/** A CR before another byte than LF, be it in the next chunk, is no line end. */
function startsLine(chunk: Buffer): boolean {
  return chunk.length === 0 || chunk[0] === NEWLINE;
}

function countOf(chunk: Buffer, byte: number): number {
  let count = 0;
  for (let at = chunk.indexOf(byte); at >= 0; at = chunk.indexOf(byte, at + 1)) count += 1;
  return count;
}

/** Returns how many CR there are, NaN when one stands before another byte than LF. */
function countPairs(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(RETURN); at >= 0; at = chunk.indexOf(RETURN, at + 1)) {
    if (!startsLine(chunk.subarray(at + 1, at + 2))) return Number.NaN;
    count += 1;
  }
  return count;
}

/** `condition` is a further one for a clean row, on the columns of the type. */
function selectOf(file: string, type: RecordType, { header, isLoose, hasQuotes }: OwnText, condition = 'true'): string {
  const columns = new Map(columnsOf(type));
  const numbers = header.filter((name) => isNumeric(columns.get(name)));
  const given = header.map((name) => `${sqlText(name)}: '${numbers.includes(name) && !isLoose ? 'DOUBLE' : 'VARCHAR'}'`);
  const values = tableColumns(type).map(({ name, sqlType, column }) => {
    const value = name === 'type' ? sqlText(type) : header.includes(name) ? valueExpression(name, column as Column) : 'NULL';
    return `${value}::${sqlType} AS ${sqlName(name)}`;
  });
  const clean = header.flatMap((name) => {
    const column = columns.get(name);
    if (column) return [`coalesce(${cleanCondition(name, column)}, true)`];
    return name === 'type' ? [`"type" = ${sqlText(type)}`] : [];
  });
  // In the middle of a cell a quote is part of the text, or a fault.
  if (hasQuotes) clean.push(...header.map((name) => `NOT contains(coalesce(${sqlName(name)}::VARCHAR, ''), '"')`));
  const integers = header.filter((name) => isIntegerText(columns.get(name)));
  const casts = integers.map((name) => `TRY_CAST(${sqlName(name)} AS BIGINT) AS ${integerOf(name)}`);
  const all = isLoose && numbers.length > 0 ? `* REPLACE (${numbers.map(plainNumber).join(', ')})` : '*';
  return `SELECT ${values.join(', ')}, ${[...clean, `coalesce(${condition}, false)`].join(' AND ')} AS is_clean
    FROM (SELECT ${[all, ...casts].join(', ')} FROM read_csv(${sqlText(asPattern(file))}, header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', strict_mode = true,
      nullstr = '', compression = 'none', max_line_size = ${LONGEST_LINE}, columns = {${given.join(', ')}}))`;
}

/** A number of a text with blanks or underscores; one in doubt ends the statement. */
function plainNumber(name: string): string {
  const text = sqlName(name);
  return `CASE WHEN ${text} IS NULL THEN NULL WHEN regexp_full_match(${text}, '[0-9]+([.][0-9]+)?') THEN TRY_CAST(${text} AS DOUBLE)
    ELSE error('in doubt') END AS ${text}`;
}

/** Integers that are read as text, which shows whether they were written otherwise: each is cast once, beside its text. */
function isIntegerText(column: Column | undefined): boolean {
  return column?.kind === 'time' || column?.kind === 'long';
}

function integerOf(name: string): string {
  return sqlName(`${name} as integer`);
}

/** Numbers are read as doubles: as BIGINT, DuckDB reads 1.5 as 2. Times stay text, which shows whether one was rounded. */
function isNumeric(column: Column | undefined): boolean {
  return column?.kind === 'number' || column?.kind === 'count';
}

function valueExpression(name: string, { kind }: Column): string {
  const value = sqlName(name);
  if (kind === 'time') return `make_timestamptz(CASE WHEN ${isTime(name)} THEN ${integerOf(name)} END)`;
  if (kind === 'count') return `CASE WHEN ${isInteger(value)} THEN ${value} END`;
  return kind === 'long' ? integerOf(name) : value;
}

/** Returns the condition that a value which is not NULL is what `readCsv` makes of its text. */
function cleanCondition(name: string, { kind }: Column): string {
  const value = sqlName(name);
  if (kind === 'time') return `(${value} IS NULL OR coalesce(${integerOf(name)}::VARCHAR = ${value} AND ${isTime(name)}, false))`;
  // An id such as 1.76E+12 was rounded.
  if (name === 'id') return isNotRounded(value, '[0-9.]+');
  if (kind === 'count') return isInteger(value);
  if (kind === 'number') return `isfinite(${value})`;
  if (kind === 'flag') return `${value} IN ('true', 'false')`;
  return kind === 'long' ? `${integerOf(name)}::VARCHAR IS NOT DISTINCT FROM ${value} AND ${value} NOT LIKE '-%'` : 'true';
}

function isTime(name: string): string {
  return `${integerOf(name)} >= ${EARLIEST} AND ${integerOf(name)} < ${LATEST}`;
}

function isInteger(value: string): string {
  return `(isfinite(${value}) AND ${value} = trunc(${value}) AND abs(${value}) <= ${Number.MAX_SAFE_INTEGER})`;
}
