import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { FailureError } from '../model/errors.js';

const NEWLINE = 10;
/** Bytes; the longest valid line, a list of instruments, has several hundred thousand. */
const LONGEST_LINE = 1 << 26;
const KEPT_OF_OVERLONG = 1 << 10;
const CUT = Buffer.from('…');
const GZIP_MAGIC = [0x1f, 0x8b];

/** A chunk of complete lines as bytes, without the last line end; `truncated` as in `LineBatch`. */
export type LinePiece = { readonly bytes: Buffer } | { readonly truncated: string };

/** A chunk of text lines; `truncated` is the reason when the source is incomplete (a cut gzip file). */
type LineBatch = { readonly lines: readonly string[]; readonly truncated?: string };

/** Reads the lines of a file like `readLinePieces`, as text. */
export async function* readLines(path: string, stopped?: AbortSignal): AsyncGenerator<LineBatch> {
  for await (const piece of readLinePieces(path, stopped))
    yield 'truncated' in piece ? { lines: [], ...piece } : { lines: piece.bytes.toString('utf8').split('\n') };
}

/**
 * Reads the lines of a file, or of stdin for `-`. Gzip is detected by its first bytes, so that piped tapes work too. A gzip
 * stream that is cut yields the lines before the cut and then `truncated`. Throws a `FailureError` that names the path when
 * it cannot be read.
 */
export async function* readLinePieces(path: string, stopped?: AbortSignal): AsyncGenerator<LinePiece> {
  const source = path === '-' ? process.stdin : await openFile(path);
  const name = path === '-' ? 'stdin' : path;
  // A silent source would keep a stopped step from ending.
  stopped?.addEventListener('abort', () => source.destroy(), { once: true });
  try {
    yield* splitLines(await decompressed(source));
  } catch (error) {
    if (stopped?.aborted) return;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR' || code === 'Z_DATA_ERROR')
      yield { truncated: `${name}: the gzip stream is incomplete (${message})` };
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
  if (info.isDirectory()) throw new FailureError(`${path}: expected a file, found a directory`);
  return createReadStream(path, { highWaterMark: 1 << 18 });
}

/** Returns the chunks of the stream, decompressed when they start with the magic bytes of gzip. */
async function decompressed(source: Readable): Promise<AsyncIterable<Buffer>> {
  const first = await firstChunk(source);
  if (first === undefined) return (async function* () {})();
  if (first[0] !== GZIP_MAGIC[0] || first[1] !== GZIP_MAGIC[1]) return source;
  const gunzip = createGunzip({ chunkSize: 1 << 18 });
  source.on('error', (error) => gunzip.destroy(error));
  return source.pipe(gunzip);
}

/**
 * Returns the first chunk and leaves it in the stream. A short stream ends after its only chunk is read: the chunk is put back
 * in the same tick, before the end is emitted.
 */
function firstChunk(source: Readable): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const done = () => {
      source.off('readable', onReadable).off('end', onEnd).off('error', onError);
    };
    const onReadable = () => {
      const chunk: Buffer | null = source.read();
      if (chunk === null) return;
      done();
      source.unshift(chunk);
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

/** Splits chunks at line ends. Blank lines stay, so that line numbers match the file. */
async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<LinePiece> {
  const open = new OpenLine();
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(NEWLINE);
    if (end >= 0) yield { bytes: open.close(chunk.subarray(0, end)) };
    open.add(chunk.subarray(end + 1));
  }
  const rest = open.close(Buffer.alloc(0));
  if (rest.length > 0) yield { bytes: rest };
}

/**
 * A line whose end is not read yet. Joining its pieces after each chunk would be quadratic: they are joined once. A line
 * above the limit would fill the memory: only its beginning is kept, and it is reported as a broken line.
 */
class OpenLine {
  #pieces: Buffer[] = [];
  #length = 0;

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#length += piece.length;
    if (this.#length > LONGEST_LINE) this.#pieces = [Buffer.concat(this.#pieces).subarray(0, KEPT_OF_OVERLONG)];
    else this.#pieces.push(piece);
  }

  /** Returns the line together with the lines after it in `bytes`, and starts a new one. */
  close(bytes: Buffer): Buffer {
    const first = bytes.indexOf(NEWLINE);
    const own = first < 0 ? bytes.length : first;
    const overlong = this.#length + own > LONGEST_LINE;
    const pieces = overlong ? this.#pieces : [...this.#pieces, bytes];
    const beginning = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
    this.#pieces = [];
    this.#length = 0;
    return overlong ? Buffer.concat([beginning.subarray(0, KEPT_OF_OVERLONG), CUT, bytes.subarray(own)]) : beginning;
  }
}
