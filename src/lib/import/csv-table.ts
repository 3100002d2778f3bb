import { isCompressed } from '../input/formats.js';
import { lacksLineEnd, OVERLONG, OVERLONG_REASON, readLines } from '../input/lines.js';
import { memberOf } from '../input/zip-archive.js';
import { FailureError, UsageError } from '../model/errors.js';
import { excerpt } from '../model/ndjson.js';
import { MOST_COLUMNS, type Row, type RowBatch, type Table } from './table.js';
import { unitOf } from './values.js';

type CsvOptions = { readonly delimiter?: string | undefined; readonly noHeader: boolean };

/** Lines before the header: comments, Excel's `sep=;`, and the address that CryptoDataDownload puts first. */
const PREAMBLE = /^(?:#|"?sep=|"?https?:\/\/\S+\s*$)/i;
const DELIMITERS = [',', ';', '\t', '|'];
/** Lines on which delimiter and header are decided. */
const SAMPLE = 50;
const BATCH = 2_048;

type Line = { readonly text: string; readonly line: number };
type SplitLine = (text: string) => readonly string[] | string;

/** Returns a CSV file as a table. Throws a `UsageError` that names the flag where its delimiter is not clear. */
export async function openCsv(path: string, options: CsvOptions): Promise<Table> {
  const sample = await sampleOf(path);
  const body = sample.filter(({ text }) => !PREAMBLE.test(text));
  const first = body[0];
  if (first === undefined) return emptyTable(path);
  const delimiter = options.delimiter ?? (/\.tsv(\.|$)/i.test(path) ? '\t' : delimiterOf(path, body));
  const split = await splitterOf(delimiter);
  const cells = split(first.text);
  if (typeof cells === 'string') throw new FailureError(`${path}:${first.line}: ${cells}`);
  if (cells.length > MOST_COLUMNS)
    throw new FailureError(`${path}: expected at most ${MOST_COLUMNS} columns, found ${cells.length}`);
  const header = options.noHeader || isData(cells) ? undefined : cells.map((cell) => cell.trim());
  return {
    path,
    header,
    unit: 'line',
    delimiter,
    utcColumns: new Set(),
    wallColumns: new Set(),
    rows: () => rowsOf(path, split, header, cells.length),
  };
}

function emptyTable(path: string): Table {
  return { path, header: undefined, unit: 'line', utcColumns: new Set(), wallColumns: new Set(), async *rows() {} };
}

async function sampleOf(path: string): Promise<Line[]> {
  const sample: Line[] = [];
  let line = 0;
  for await (const { lines } of readLines(path)) {
    for (const text of lines) {
      line += 1;
      if (text.trim() !== '') sample.push({ text: withoutReturn(text), line });
      if (sample.length >= SAMPLE) return sample;
    }
  }
  return sample;
}

function withoutReturn(text: string): string {
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}

/** Returns the only character that cuts every line of the sample into the same number of cells, more than one. */
function delimiterOf(path: string, sample: readonly Line[]): string {
  if (sample.some(({ text }) => text.includes('\u0000') && !text.endsWith(OVERLONG)))
    throw new FailureError(`${path}: expected text, found NUL bytes; is it UTF-16 without a byte order mark?`);
  const plain = sample.map(({ text }) => text.replace(/"[^"]*"/g, '""'));
  const counts = DELIMITERS.map((delimiter) => plain.map((text) => text.split(delimiter).length));
  const even = DELIMITERS.filter((_, index) => {
    const [first = 0, ...others] = counts[index] ?? [];
    return first > 1 && others.filter((count) => count === first).length >= others.length * 0.8;
  });
  const [only, second] = even;
  if (only === undefined) {
    const text = sample[0]?.text ?? '';
    const present = DELIMITERS.filter((delimiter) => text.includes(delimiter));
    if (present.length === 1) return present[0] as string;
    throw new UsageError(`${path}: the delimiter is not clear in ${excerpt(text)}; --delimiter names it`);
  }
  // `2024-06-01;67540,5` has one comma in each row as well, but its header has none.
  if (second !== undefined) {
    const header = even.filter((delimiter) => plain[0]?.includes(delimiter));
    throw new UsageError(`${path}: ${header.map(named).join(' and ')} both cut it into equal rows; --delimiter says which`);
  }
  return only;
}

function named(delimiter: string): string {
  return delimiter === '\t' ? 'tab' : `"${delimiter}"`;
}

/** Returns whether a first row is data: it begins with a number or a time, and a name is no number. */
function isData(cells: readonly string[]): boolean {
  return cells.some((cell) => unitOf(cell.trim()) !== undefined || /^[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?$/.test(cell.trim()));
}

/** Returns how a line becomes cells, or the reason why it does not. Lines without quotes are cut at once. */
async function splitterOf(delimiter: string): Promise<SplitLine> {
  const { default: papaparse } = await import('papaparse');
  return (text) => {
    if (text.endsWith(OVERLONG)) return OVERLONG_REASON;
    if (text.includes('\u0000')) return 'holds a NUL byte';
    if (text.includes('\ufffd')) return 'is not UTF-8 text';
    if (!text.includes('"')) return text.split(delimiter);
    const { data, errors } = papaparse.parse<string[]>(text, { delimiter });
    const [error] = errors;
    return error ? `quotes are not balanced (${error.message})` : (data[0] ?? []);
  };
}

async function* rowsOf(
  path: string,
  split: SplitLine,
  header: readonly string[] | undefined,
  width: number,
): AsyncGenerator<RowBatch> {
  const reader = new LineReader(split, header, width);
  for await (const { lines, truncated } of readLines(path)) {
    for (const [index, text] of lines.entries()) {
      reader.add(text);
      // The last rows stay with the reader until it is known whether the file ends there.
      if (index % BATCH === BATCH - 1 && index < lines.length - 1) yield reader.take();
    }
    if (truncated !== undefined) {
      yield { rows: [], rejected: [], truncated };
      return;
    }
  }
  const isCut = !isCompressed(path) && !memberOf(path) && (await lacksLineEnd(path));
  yield reader.end(isCut);
}

class LineReader {
  readonly #split: SplitLine;
  readonly #header: string | undefined;
  readonly #width: number;
  #isBody = false;
  #line = 0;
  #rows: Row[] = [];
  #rejected: { line: number; reason: string }[] = [];

  constructor(split: SplitLine, header: readonly string[] | undefined, width: number) {
    this.#split = split;
    this.#header = header?.join('\u0000');
    this.#width = width;
  }

  add(text: string): void {
    this.#line += 1;
    const line = text.endsWith('\r') ? text.slice(0, -1) : text;
    if (line === '' || line.trim() === '') return;
    if (!this.#isBody && PREAMBLE.test(line)) return;
    const cells = this.#split(line);
    const isFirst = !this.#isBody;
    this.#isBody = true;
    if (typeof cells === 'string') this.#reject(cells);
    else if (this.#isHeader(cells, isFirst)) return;
    else if (cells.length !== this.#width) this.#reject(`expected ${this.#width} cells, found ${cells.length}`);
    else this.#rows.push({ cells, line: this.#line });
  }

  take(): RowBatch {
    const batch = { rows: this.#rows, rejected: this.#rejected };
    this.#rows = [];
    this.#rejected = [];
    return batch;
  }

  /** Returns the last rows. Of an unterminated file the last cell may be cut off: 91001 that ends as 910 still is a number. */
  end(isCut: boolean): RowBatch {
    const batch = this.take();
    const last = batch.rows.at(-1);
    if (!isCut || last?.line !== this.#line) return batch;
    return { ...batch, rows: [...batch.rows.slice(0, -1), { ...last, isCut: true }] };
  }

  /** Files that were put one after the other repeat their header. */
  #isHeader(cells: readonly string[], isFirst: boolean): boolean {
    if (this.#header === undefined) return false;
    return isFirst || cells.map((cell) => cell.trim()).join('\u0000') === this.#header;
  }

  #reject(reason: string): void {
    this.#rejected.push({ line: this.#line, reason });
  }
}
