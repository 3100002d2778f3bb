import { type LinePiece, readLinePieces } from '../input/lines.js';
import { FailureError } from '../model/errors.js';
import { isRedis } from '../redis/url.js';
import { parseHeader, parseTapeLine, type Tape, type TapeEntry } from './tape.js';
import { TapeFrames } from './tape-frames.js';

const NEWLINE = 10;

type TapeOptions = { readonly scope?: string; readonly stopped?: AbortSignal | undefined };

/**
 * Opens a tape (`-` is stdin; gzip is detected; `redis://` are frames that are being published). `scope` distinguishes its connections from those of other tapes.
 * Throws a `FailureError` that names the path when it cannot be read or is not a tape.
 */
export async function openTape(path: string, { scope = '', stopped }: TapeOptions = {}): Promise<Tape> {
  if (isRedis(path)) return await (await import('./redis-tape.js')).openRedisTape(path, scope, stopped);
  const source = readLinePieces(path, stopped);
  const name = path === '-' ? 'stdin' : path;
  const first = await source.next();
  if (first.done) throw new FailureError(`${name}: expected a tape, the file is empty`);
  const bytes = 'bytes' in first.value ? first.value.bytes : Buffer.alloc(0);
  const end = lineEnd(bytes, 0);
  const header = parseHeader(bytes.toString('utf8', 0, end));
  if (typeof header === 'string') {
    await source.return(undefined);
    throw new FailureError(`${name}: ${header}`);
  }
  const lines = new TapeLines(name, header.recording ? `${header.recording}/` : scope);
  return { path, header, batches: entries(lines, end < bytes.length ? bytes.subarray(end + 1) : undefined, source) };
}

async function* entries(
  lines: TapeLines,
  first: Buffer | undefined,
  rest: AsyncIterable<LinePiece>,
): AsyncGenerator<readonly TapeEntry[]> {
  if (first) yield lines.parse(first);
  for await (const piece of rest) yield 'bytes' in piece ? lines.parse(piece.bytes) : [lines.broken(piece.truncated)];
}

/** The lines of one tape after its header. */
class TapeLines {
  readonly #name: string;
  readonly #scope: string;
  #number = 1;

  constructor(name: string, scope: string) {
    this.#name = name;
    this.#scope = scope;
  }

  /** Returns the entries of a chunk; blank lines are skipped. */
  parse(bytes: Buffer): TapeEntry[] {
    const frames = new TapeFrames(bytes, this.#scope);
    const batch: TapeEntry[] = [];
    for (let start = 0, end = 0; start <= bytes.length; start = end + 1) {
      end = lineEnd(bytes, start);
      this.#number += 1;
      const entry = frames.read(start, end) ?? this.#parseText(bytes.toString('utf8', start, end));
      if (entry) batch.push(entry);
    }
    return batch;
  }

  broken(reason: string): TapeEntry {
    return { kind: 'broken', line: this.#number, reason, sentence: reason };
  }

  #parseText(line: string): TapeEntry | undefined {
    if (line.trim() === '') return undefined;
    const entry = parseTapeLine(line, this.#number, this.#scope);
    return entry.kind === 'broken' ? { ...entry, sentence: `${this.#name} ${entry.sentence}` } : entry;
  }
}

function lineEnd(bytes: Buffer, start: number): number {
  const end = bytes.indexOf(NEWLINE, start);
  return end < 0 ? bytes.length : end;
}
