import { counted } from '../../model/counted.js';
import { UsageError } from '../../model/errors.js';
import { ClosedOutputError } from '../../sinks/sink.js';
import { TextStream } from '../../sinks/stdout.js';
import { WholeFile } from '../../sinks/whole-file.js';
import type { ResultValue } from '../../storage/database/query-values.js';
import type { QueryResult, ResultColumn } from '../../storage/reading/query.js';
import type { Format } from '../flags.js';
import { createColors } from './colors.js';
import { renderTable } from './table.js';
import type { Terminal } from './table-sink.js';

type RowOutputOptions = {
  readonly format: Format;
  readonly stdout: Terminal;
  /** A file instead of stdout; its extension names the format. */
  readonly output?: string | undefined;
  readonly force: boolean;
  /** Takes hints about rows and columns that are not shown. */
  readonly note: (text: string) => void;
};

type Rows = Pick<QueryResult, 'columns' | 'rowCount' | 'rows'>;

/** Maximum number of rows in a table. */
const MOST_ROWS = 200;
const DEFAULT_WIDTH = 160;

/** Writes the rows of a result. A closed stdout ends it quietly. */
export async function writeRows(rows: Rows, options: RowOutputOptions): Promise<void> {
  if (options.output !== undefined) return await writeFile(rows, options.output, options.force);
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

async function writeFile(rows: Rows, path: string, force: boolean): Promise<void> {
  const format = /\.(ndjson|csv)(?:\.gz)?$/.exec(path)?.[1];
  if (format === undefined)
    throw new UsageError(`-o ${path}: expected -, FILE.ndjson[.gz] or FILE.csv[.gz] for the rows of a query`);
  const file = new WholeFile(path, force);
  try {
    for await (const text of encoded(rows, format as 'ndjson' | 'csv')) await file.write(text);
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
  const { default: papaparse } = await import('papaparse');
  const text = (cells: unknown[][]) =>
    `${papaparse.unparse(cells, { newline: '\n', delimiter: format === 'tsv' ? '\t' : ',' })}\n`;
  yield text([columns.map(({ name }) => name)]);
  for await (const batch of rows()) yield text(batch.map((row) => row.map(cell)));
}

function cell(value: ResultValue): unknown {
  return typeof value === 'object' ? JSON.stringify(value) : (value ?? '');
}

async function tableText({ columns, rowCount, rows }: Rows, { stdout, note }: RowOutputOptions): Promise<string> {
  const shown: ResultValue[][] = [];
  for await (const batch of rows()) {
    shown.push(...batch.slice(0, MOST_ROWS - shown.length));
    if (shown.length >= MOST_ROWS) break;
  }
  const { text, notes } = await renderTable({ columns, rows: shown }, stdout.columns ?? DEFAULT_WIDTH, createColors(stdout));
  if (rowCount > shown.length) note(`… ${counted(rowCount - shown.length, 'more row')} (use --format ndjson or -o FILE for all)`);
  for (const line of notes) note(line);
  return `${text}\n`;
}
