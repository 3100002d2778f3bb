import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ArchiveLayout, ArchiveName } from '../exchanges/archive.js';
import type { Exchange } from '../exchanges/exchange.js';
import { readLines } from '../input/lines.js';
import { FailureError } from '../model/errors.js';
import type { Trade } from '../model/records.js';
import { type DownloadOptions, download } from '../transport/download.js';

const BATCH = 2_048;

/** An archive file whose header has been read. */
export type ArchiveFile = { readonly exchange: Exchange; readonly name: ArchiveName; readonly layout: ArchiveLayout };

/** The trades of some rows, and a reason for each row that is not a trade; `isCut` when the file ends here unfinished. */
export type ArchiveRows = { readonly trades: readonly Trade[]; readonly rejected: readonly string[]; readonly isCut: boolean };

export function isUrl(path: string): boolean {
  return /^https?:\/\//.test(path);
}

/** Returns the file name of a path or URL. */
export function fileName(path: string): string {
  return decodeURIComponent((isUrl(path) ? new URL(path).pathname : path).split(/[\\/]/).at(-1) ?? '');
}

/**
 * Yields the content of an archive file, by path or URL: first its name and layout, then its rows in file order. Throws a
 * `FailureError` on a file that is not an archive, an `UnreachableError` when a URL cannot be downloaded.
 */
export async function* readArchive(
  path: string,
  exchanges: readonly Exchange[],
  options: DownloadOptions,
): AsyncGenerator<ArchiveFile | ArchiveRows> {
  if (!isUrl(path)) return yield* rowsOf(path, path, exchanges);
  const directory = await mkdtemp(join(tmpdir(), 'mdtool-archive-'));
  try {
    const copy = join(directory, 'archive');
    await download(path, copy, options);
    yield* rowsOf(copy, path, exchanges);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function* rowsOf(path: string, called: string, exchanges: readonly Exchange[]): AsyncGenerator<ArchiveFile | ArchiveRows> {
  const { default: papaparse } = await import('papaparse');
  const end = { isCut: false };
  const source = Readable.from(textOf(path, end));
  const rows = source.pipe(papaparse.parse(papaparse.NODE_STREAM_INPUT, { skipEmptyLines: true }));
  source.on('error', (error) => rows.destroy(error));
  let layout: ArchiveLayout | undefined;
  let trades: Trade[] = [];
  let rejected: string[] = [];
  for await (const cells of rows as AsyncIterable<string[]>) {
    if (!layout) {
      const file = fileOf(cells, called, exchanges);
      layout = file.layout;
      yield file;
      continue;
    }
    const trade = layout.read(cells);
    if (typeof trade === 'string') rejected.push(trade);
    else trades.push(trade);
    if (trades.length + rejected.length < BATCH) continue;
    yield { trades, rejected, isCut: false };
    trades = [];
    rejected = [];
  }
  if (!layout) throw new FailureError(`${called}: expected an archive of trades, is empty`);
  yield { trades, rejected, isCut: end.isCut };
}

async function* textOf(path: string, end: { isCut: boolean }): AsyncGenerator<string> {
  for await (const { lines, truncated } of readLines(path)) {
    if (truncated !== undefined) end.isCut = true;
    if (lines.length > 0) yield `${lines.join('\n')}\n`;
  }
}

function fileOf(cells: readonly string[], path: string, exchanges: readonly Exchange[]): ArchiveFile {
  const header = cells.map((name) => name.replace(/^\ufeff/, '').trim());
  for (const exchange of exchanges) {
    const name = exchange.archives?.nameOf(fileName(path));
    const layout = name && exchange.archives?.layoutOf(header, name);
    if (name && layout) return { exchange, name, layout };
  }
  const isNamed = exchanges.some(({ archives }) => archives?.nameOf(fileName(path)));
  const expected = isNamed
    ? `the columns of an archive of trades, found ${header.slice(0, 12).join(', ')}`
    : 'a name with symbol and date, such as BTCUSDT2026-11-20.csv.gz';
  throw new FailureError(`${path}: expected ${expected}`);
}
