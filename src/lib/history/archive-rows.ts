import { join } from 'node:path';
import type { ArchiveLayout, ArchiveName, Archives } from '../exchanges/archive.js';
import type { Exchange } from '../exchanges/exchange.js';
import { EXCHANGES } from '../exchanges/index.js';
import { readCsvRows } from '../input/csv-rows.js';
import { lacksLineEnd } from '../input/lines.js';
import { FailureError } from '../model/errors.js';
import type { Trade } from '../model/records.js';
import { createScratch, removeScratch } from '../storage/files/scratch.js';
import { type DownloadOptions, download } from '../transport/download.js';

const BATCH = 2_048;

/** An archive file whose header has been read. */
export type ArchiveFile = { readonly exchange: Exchange; readonly name: ArchiveName; readonly layout: ArchiveLayout };

/** A trade and its line in the file, 1 for the header. */
export type ArchiveRow = { readonly trade: Trade; readonly line: number };

/** The trades of some rows, and a reason for each row that is not a trade; `isCut` when the file ends unfinished. */
export type ArchiveRows = {
  readonly rows: readonly ArchiveRow[];
  readonly rejected: readonly { readonly reason: string; readonly line: number }[];
  readonly isLast: boolean;
  readonly isCut: boolean;
};

export function isUrl(path: string): boolean {
  return /^https?:\/\//.test(path);
}

/** Returns the file name of a path or URL. */
function fileName(path: string): string {
  return decodeURIComponent((isUrl(path) ? new URL(path).pathname : path).split(/[\\/]/).at(-1) ?? '');
}

/** Returns the exchange of an archive and what its name says, undefined when no exchange has files of that name. */
export function namedArchive(path: string): Pick<ArchiveFile, 'exchange' | 'name'> | undefined {
  for (const exchange of EXCHANGES) {
    const name = exchange.archives?.nameOf(fileName(path));
    if (name) return { exchange, name };
  }
  return undefined;
}

/** Returns what a local archive file is, by its name and header. Throws a `FailureError` when it is not an archive. */
export async function readArchiveFile(path: string): Promise<ArchiveFile> {
  for await (const part of rowsOf(path, path)) if ('layout' in part) return part;
  throw new FailureError(`${path} is empty; expected an archive of trades`);
}

/** Yields the rows at the beginning of a local archive file, as long as the caller asks for more. */
export async function* firstRows(path: string): AsyncGenerator<readonly ArchiveRow[]> {
  for await (const part of rowsOf(path, path)) if (!('layout' in part)) yield part.rows;
}

/**
 * Yields the content of an archive file, by path or URL: first its name and layout, then its rows in file order. Throws a
 * `FailureError` on a file that is not an archive, an `UnreachableError` when a URL cannot be downloaded.
 */
export async function* readArchive(path: string, options: DownloadOptions): AsyncGenerator<ArchiveFile | ArchiveRows> {
  if (!isUrl(path)) return yield* rowsOf(path, path);
  const directory = await createScratch('archive');
  try {
    const copy = join(directory, 'archive');
    await download(path, copy, options);
    yield* rowsOf(copy, path);
  } finally {
    await removeScratch(directory);
  }
}

async function* rowsOf(path: string, called: string): AsyncGenerator<ArchiveFile | ArchiveRows> {
  let isCut = false;
  let reader: RowReader | undefined;
  for await (const { rows, truncated } of readCsvRows(path)) {
    if (truncated !== undefined) isCut = true;
    for (const cells of rows) {
      if (!reader) {
        if (isBlank(cells)) continue;
        const header = cells.map((name) => name.trim());
        const file = archiveOf(header, called);
        reader = new RowReader(header, file.layout);
        yield file;
        continue;
      }
      if (reader.add(cells) >= BATCH) yield { ...reader.take(), isLast: false, isCut: false };
    }
  }
  if (!reader) throw new FailureError(`${called} is empty; expected an archive of trades`);
  const isUnterminated = !isCut && (await lacksLineEnd(path));
  reader.end(isUnterminated);
  yield { ...reader.take(), isLast: true, isCut: isCut || isUnterminated };
}

/** Reads the rows of one file, and keeps the last one back until the next row shows that it is whole. */
class RowReader {
  readonly #header: readonly string[];
  readonly #layout: ArchiveLayout;
  #rows: ArchiveRow[] = [];
  #rejected: { reason: string; line: number }[] = [];
  #last: readonly string[] = [''];
  #line = 1;

  constructor(header: readonly string[], layout: ArchiveLayout) {
    this.#header = header;
    this.#layout = layout;
  }

  /** Returns the number of rows that `take` would return. */
  add(cells: readonly string[]): number {
    this.#readLast();
    this.#last = cells;
    this.#line += 1;
    return this.#rows.length + this.#rejected.length;
  }

  /**
   * Reads the last row. Of an unterminated file its last cell may be cut off: a price of 91001 that ends as 910 still looks
   * like a price, so the row is rejected. Cells that are followed by another one are whole, and half a side is no side.
   */
  end(isUnterminated: boolean): void {
    const name = this.#header.at(-1) ?? '';
    const isDoubtful = isUnterminated && name !== 'side' && this.#layout.columns.includes(name);
    if (isDoubtful && !isBlank(this.#last) && this.#last.length === this.#header.length) this.#reject(`cut off in ${name}`);
    else this.#readLast();
  }

  take(): Pick<ArchiveRows, 'rows' | 'rejected'> {
    const [rows, rejected] = [this.#rows, this.#rejected];
    this.#rows = [];
    this.#rejected = [];
    return { rows, rejected };
  }

  #readLast(): void {
    if (isBlank(this.#last)) return;
    const trade = this.#read(this.#last);
    if (typeof trade === 'string') this.#reject(trade);
    else this.#rows.push({ trade, line: this.#line });
  }

  #read(cells: readonly string[]): Trade | string {
    const [found, expected] = [cells.length, this.#header.length];
    if (found === expected) return this.#layout.read(cells);
    if (found < expected) return `expected ${expected} cells, found ${found}: no ${this.#header[found]}`;
    return `expected ${expected} cells, found ${found}: "${(cells[expected] ?? '').slice(0, 20)}" after ${this.#header.at(-1)} has no column`;
  }

  #reject(reason: string): void {
    this.#rejected.push({ reason, line: this.#line });
  }
}

function isBlank(cells: readonly string[]): boolean {
  return cells.length === 0 || (cells.length === 1 && (cells[0] ?? '').trim() === '');
}

function archiveOf(header: readonly string[], path: string): ArchiveFile {
  const named = namedArchive(path);
  const archives = named?.exchange.archives;
  if (!named || !archives)
    throw new FailureError(`${path}: expected a name with symbol and date, such as BTCUSDT2026-11-20.csv.gz`);
  const layout = archives.layoutOf(header, named.name);
  const twice = header.find((name, at) => header.indexOf(name) !== at && layout?.columns.includes(name));
  if (twice !== undefined) throw new FailureError(`${path}: column ${twice} appears twice in the header`);
  if (!layout) throw new FailureError(`${path}${headerProblem(header, archives)}`);
  return { ...named, layout };
}

/** Returns why a first line is not the header of an archive: it is a row, or lacks columns of the nearest layout. */
function headerProblem(header: readonly string[], { headers }: Archives): string {
  const nearest = [...headers].sort((a, b) => missingOf(header, a).length - missingOf(header, b).length)[0] ?? [];
  const isRow =
    header.length > 1 && !headers.flat().some((name) => header.includes(name)) && header.some((cell) => /^\d/.test(cell));
  if (isRow) return ` has no header line; expected the columns ${headers.map((names) => names.join(', ')).join(' or ')}`;
  const found = header.slice(0, 12).join(', ');
  return `: expected the columns of an archive of trades, found ${found}; missing ${missingOf(header, nearest).join(', ')}`;
}

function missingOf(header: readonly string[], columns: readonly string[]): string[] {
  return columns.filter((name) => !header.includes(name));
}
