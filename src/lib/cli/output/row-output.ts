import { isBucketUrl } from '../../bucket/bucket-url.js';
import { counted } from '../../model/counted.js';
import { UsageError } from '../../model/errors.js';
import { inertText, markdownHeader, markdownRows } from '../../sinks/csv.js';
import { ClosedOutputError } from '../../sinks/sink.js';
import { TextStream } from '../../sinks/stdout.js';
import { refuseExisting, WholeFile } from '../../sinks/whole-file.js';
import type { ResultValue } from '../../storage/database/query-values.js';
import type { QueryResult, ResultColumn } from '../../storage/reading/query-result.js';
import type { Format } from '../flags.js';
import { createColors } from './colors.js';
import { type RowSelection, requireColumns, rowSelection, selectedRange } from './row-selection.js';
import { renderTable } from './table.js';
import type { Terminal } from './table-sink.js';

type RowOutputOptions = {
  readonly format: Format;
  readonly stdout: Terminal;
  /** A file instead of stdout; its extension names the format. */
  readonly output?: string | undefined;
  readonly force: boolean;
  readonly selection?: RowSelection | undefined;
  /** Takes hints about rows and columns that are not shown. */
  readonly note: (text: string) => void;
};

type Rows = Pick<QueryResult, 'columns' | 'rowCount' | 'rows' | 'export'>;

/** Maximum number of rows in a table. */
const MOST_ROWS = 200;
const DEFAULT_WIDTH = 160;

/** Writes the rows of a result. A closed stdout ends it quietly. */
export async function writeRows(all: Rows, options: RowOutputOptions): Promise<void> {
  const rows = selectedRows(all, options.selection ?? {});
  if (options.output !== undefined) return await writeFile(rows, options);
  try {
    await print(rows, options);
  } catch (error) {
    if (!(error instanceof ClosedOutputError)) throw error;
  }
}

async function print(rows: Rows, options: RowOutputOptions): Promise<void> {
  const stream = new TextStream(options.stdout);
  if (options.format === 'table') await stream.write(await tableText(rows, options));
  else for await (const text of encoded(rows, options.format)) await stream.write(text);
  await stream.flush();
}

/** Returns the rows that are asked for. Throws a `UsageError` for an unknown column. */
export function selectedRows(all: Rows, selection: RowSelection): Rows {
  const names = all.columns.map(({ name }) => name);
  const { columns = names } = rowSelection(selection);
  requireColumns(columns, names);
  const { from, until } = selectedRange(selection, all.rowCount);
  const places = columns.map((name) => names.indexOf(name));
  const { export: write } = all;
  return {
    columns: places.map((place) => all.columns[place] as ResultColumn),
    rowCount: until - from,
    async *rows() {
      let at = 0;
      for await (const batch of all.rows()) {
        const part = batch.slice(Math.max(0, from - at), Math.max(0, until - at));
        if (part.length > 0) yield part.map((row) => places.map((place) => row[place]));
        at += batch.length;
        if (at >= until) return;
      }
    },
    ...(write && { export: () => write({ columns, from, until }) }),
  };
}

/** Returns all rows as NDJSON objects. */
export async function rowObjects({ columns, rows }: Rows): Promise<unknown[]> {
  const objects: unknown[] = [];
  for await (const batch of rows()) for (const row of batch) objects.push(rowObject(columns, row));
  return objects;
}

/** Returns a row as an NDJSON object without missing values. */
function rowObject(columns: readonly ResultColumn[], row: readonly ResultValue[]): Record<string, ResultValue> {
  return Object.fromEntries(columns.map(({ name }, index) => [name, row[index]]));
}

/** Returns the format of a file for rows. Throws a `UsageError` that names those there are. */
export function rowFileFormat(path: string): 'ndjson' | 'csv' | 'parquet' | 'duckdb' {
  const format = /\.(?:(ndjson|csv)(?:\.gz)?|(parquet|duckdb))$/.exec(path);
  if (format) return (format[1] ?? format[2]) as ReturnType<typeof rowFileFormat>;
  throw new UsageError(`-o ${path}: expected -, FILE.ndjson[.gz], FILE.csv[.gz], FILE.parquet or FILE.duckdb for rows`);
}

/** Returns what `work` makes of the file of `-o`; one for a bucket is on this machine until it is whole. */
export async function withFile<Value>(
  output: string | undefined,
  force: boolean,
  work: (path: string | undefined) => Promise<Value>,
): Promise<Value> {
  if (output === undefined || !isBucketUrl(output)) {
    if (output !== undefined) refuseExisting(output, force);
    return await work(output);
  }
  const { BucketOutput } = await import('./bucket-output.js');
  const target = await BucketOutput.open(output, force);
  try {
    const value = await target.guarded(() => work(target.path));
    await target.publish();
    return value;
  } finally {
    await target.discard();
  }
}

async function writeFile(rows: Rows, { output: path = '', force }: RowOutputOptions): Promise<void> {
  const format = rowFileFormat(path);
  if (format === 'parquet' || format === 'duckdb') {
    refuseExisting(path, force);
    if (rows.export) return await rows.export({ columns: [], from: 0, until: 0 });
    throw new UsageError(`-o ${path}: a listing is text; use FILE.ndjson or FILE.csv`);
  }
  const file = new WholeFile(path, force);
  try {
    for await (const text of encoded(rows, format)) await file.write(text);
    await file.close();
  } catch (error) {
    await file.abort();
    throw error;
  }
}

async function* encoded({ columns, rows }: Rows, format: Exclude<Format, 'table'>): AsyncGenerator<string> {
  if (format === 'ndjson' || format === 'jsonl') {
    for await (const batch of rows()) yield batch.map((row) => `${JSON.stringify(rowObject(columns, row))}\n`).join('');
    return;
  }
  if (format === 'json') {
    yield '[';
    let between = '\n';
    for await (const batch of rows()) {
      yield between + batch.map((row) => JSON.stringify(rowObject(columns, row))).join(',\n');
      between = ',\n';
    }
    yield between === '\n' ? ']\n' : '\n]\n';
    return;
  }
  if (format === 'markdown') {
    yield markdownHeader(columns.map(({ name, kind }) => ({ name, isNumber: kind === 'number' })));
    for await (const batch of rows()) yield markdownRows(batch.map((row) => row.map((value) => String(cell(value)))));
    return;
  }
  const { default: papaparse } = await import('papaparse');
  const text = (cells: unknown[][]) =>
    `${papaparse.unparse(cells, { newline: '\n', delimiter: format === 'tsv' ? '\t' : ',' })}\n`;
  yield text([columns.map(({ name }) => name)]);
  for await (const batch of rows()) yield text(batch.map((row) => row.map(cell)));
}

function cell(value: ResultValue): unknown {
  if (typeof value === 'string') return inertText(value);
  return typeof value === 'object' ? JSON.stringify(value) : (value ?? '');
}

async function tableText({ columns, rowCount, rows }: Rows, options: RowOutputOptions): Promise<string> {
  const { stdout, note, selection } = options;
  const most = selection?.limit ?? selection?.tail ?? MOST_ROWS;
  const shown: ResultValue[][] = [];
  for await (const batch of rows()) {
    shown.push(...batch.slice(0, most - shown.length));
    if (shown.length >= most) break;
  }
  // A plan is a drawing of several lines.
  const plan = columns[1]?.name === 'explain_value' ? shown.map((row) => row[1]) : undefined;
  if (plan) return `${plan.join('\n')}\n`;
  const { text, notes } = await renderTable({ columns, rows: shown }, stdout.columns ?? DEFAULT_WIDTH, createColors(stdout));
  if (rowCount > shown.length) note(`… ${counted(rowCount - shown.length, 'more row')} (use --format ndjson or -o FILE for all)`);
  for (const line of notes) note(line);
  return `${text}\n`;
}
