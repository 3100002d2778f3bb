import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { FailureError } from '../model/errors.js';

const NEWLINE = 10;
const GZIP_MAGIC = [0x1f, 0x8b];

/** Whole lines as bytes, in the pieces they were read in, without the last line end; `truncated` as in `LineBatch`. */
export type LinePiece = { readonly bytes: Buffer } | { readonly truncated: string };

/** Text lines in the chunks they were read in; `truncated` ends a source that broke off (a cut gzip file). */
export type LineBatch = { readonly lines: readonly string[]; readonly truncated?: string };

/** Reads the lines of a file as `readLinePieces` does, as text. */
export async function* readLines(path: string, stopped?: AbortSignal): AsyncGenerator<LineBatch> {
  for await (const piece of readLinePieces(path, stopped))
    yield 'truncated' in piece ? { lines: [], ...piece } : { lines: piece.bytes.toString('utf8').split('\n') };
}

/**
 * Reads the lines of a file or, for `-`, of stdin. Gzip is recognised by its first bytes, so that piped tapes work too.
 * An end in the middle of a gzip stream gives the lines before it and then `truncated`. Throws a `FailureError` that
 * names the path when it cannot be read.
 */
export async function* readLinePieces(path: string, stopped?: AbortSignal): AsyncGenerator<LinePiece> {
  const source = path === '-' ? process.stdin : await openFile(path);
  const name = path === '-' ? 'stdin' : path;
  // A source that stays silent must not keep a stopped step from ending.
  stopped?.addEventListener('abort', () => source.destroy(), { once: true });
  try {
    yield* splitLines(await decompressed(source));
  } catch (error) {
    if (stopped?.aborted) return;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR' || code === 'Z_DATA_ERROR')
      yield { truncated: `${name}: the gzip stream breaks off (${message})` };
    else if (error instanceof FailureError) throw error;
    else throw new FailureError(`${name}: cannot be read (${message})`);
  } finally {
    if (path !== '-') source.destroy();
  }
}

async function openFile(path: string): Promise<Readable> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'ENOENT' ? 'no such file' : error.message;
    throw new FailureError(`${path}: cannot be read (${reason})`);
  });
  if (info.isDirectory()) throw new FailureError(`${path}: expected a file, is a directory`);
  return createReadStream(path, { highWaterMark: 1 << 18 });
}

/** Returns the stream's chunks, gunzipped where they begin with gzip's magic bytes. */
async function decompressed(source: Readable): Promise<AsyncIterable<Buffer>> {
  const first = await firstChunk(source);
  if (first === undefined) return (async function* () {})();
  source.unshift(first);
  if (first[0] !== GZIP_MAGIC[0] || first[1] !== GZIP_MAGIC[1]) return source;
  const gunzip = createGunzip({ chunkSize: 1 << 18 });
  source.on('error', (error) => gunzip.destroy(error));
  return source.pipe(gunzip);
}

function firstChunk(source: Readable): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const done = () => {
      source.off('readable', onReadable).off('end', onEnd).off('error', onError);
    };
    const onReadable = () => {
      const chunk: Buffer | null = source.read();
      if (chunk === null) return;
      done();
      resolve(chunk);
    };
    const onEnd = () => {
      done();
      resolve(undefined);
    };
    const onError = (error: Error) => {
      done();
      reject(error);
    };
    source.on('readable', onReadable).on('end', onEnd).on('error', onError);
  });
}

/** Cuts chunks at line ends; blank lines stay in, so that line numbers are the file's. */
async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<LinePiece> {
  let rest: Buffer | undefined;
  for await (const chunk of chunks) {
    const bytes = rest ? Buffer.concat([rest, chunk]) : chunk;
    const end = bytes.lastIndexOf(NEWLINE);
    rest = bytes.subarray(end + 1);
    if (end >= 0) yield { bytes: bytes.subarray(0, end) };
  }
  if (rest && rest.length > 0) yield { bytes: rest };
}
