import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { FailureError } from '../model/errors.js';
import { decompressed, isPacked, TruncatedError } from './decompression.js';
import { asUtf8 } from './encoding.js';
import { READ_SHARE } from './read-share.js';
import { memberOf, readMember } from './zip-archive.js';

const NEWLINE = 10;
/** Bytes; the longest valid line, a list of instruments, has several hundred thousand. */
const LONGEST_LINE = 1 << 26;
const KEPT_OF_OVERLONG = 1 << 10;
/** Ends the beginning of a line that was too long to keep: no text of a file has it, so that no reader takes the rest for a value. */
export const OVERLONG = '\u0000…';
export const OVERLONG_REASON = `the line is longer than ${LONGEST_LINE >> 20} MB`;
const CUT = Buffer.from(OVERLONG);

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
 * Reads the lines of a file, or of stdin for `-`. Gzip and zstd are detected by their first bytes, so that piped tapes work
 * too; UTF-16 by its byte order mark. A compressed stream that is cut yields the lines before the cut and then `truncated`.
 * Throws a `FailureError` that names the path when it cannot be read.
 */
export async function* readLinePieces(path: string, stopped?: AbortSignal): AsyncGenerator<LinePiece> {
  const source = path === '-' ? process.stdin : memberOf(path) ? undefined : await openFile(path);
  const name = path === '-' ? 'stdin' : path;
  // A silent source would keep a stopped step from ending.
  stopped?.addEventListener('abort', () => source?.destroy(), { once: true });
  try {
    yield* splitLines(readText(path, source));
  } catch (error) {
    if (stopped?.aborted) return;
    if (error instanceof TruncatedError) yield { truncated: `${name}: ${error.message}` };
    else if (error instanceof FailureError) throw error;
    else throw new FailureError(`${name}: cannot be read (${(error as Error).message})`);
  } finally {
    if (path !== '-') source?.destroy();
  }
}

/**
 * Returns the bytes of a file, of a member of an archive (`ARCHIVE.zip!MEMBER`) or of stdin, decompressed and as UTF-8.
 * Throws a `FailureError` that names the path.
 */
export async function* readText(path: string, source?: Readable): AsyncGenerator<Buffer> {
  const name = path === '-' ? 'stdin' : path;
  yield* asUtf8(decompressed(await openBytes(path, source), name));
}

/** Returns the bytes of a path as they lie on disk, of a member unpacked from its archive. */
export async function openBytes(path: string, source?: Readable): Promise<AsyncIterable<Buffer>> {
  const inside = memberOf(path);
  return inside ? readMember(inside.archive, inside.member) : (source ?? (await openFile(path)));
}

async function openFile(path: string): Promise<Readable> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'ENOENT' ? 'no such file' : error.message;
    throw new FailureError(`${path}: cannot be read (${reason})`);
  });
  if (info.isDirectory()) throw new FailureError(`${path}: expected a file, found a directory`);
  const stream = createReadStream(path, { highWaterMark: 1 << 18 });
  READ_SHARE.opened(path, info.size, () => stream.bytesRead);
  return stream;
}

/** Returns whether a plain file ends within a line. Compressed ones have a length and a checksum of their own. */
export async function lacksLineEnd(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const byteAt = async (position: number) => (await file.read(Buffer.alloc(1), 0, 1, position)).buffer[0] ?? 0;
    const first = Buffer.from([await byteAt(0), await byteAt(1), await byteAt(2), await byteAt(3)]);
    if (size === 0 || isPacked(first)) return false;
    // In UTF-16 the line end is the last byte or the one before it.
    return (await byteAt(size - 1)) !== NEWLINE && (await byteAt(size - 2)) !== NEWLINE;
  } finally {
    await file.close();
  }
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
