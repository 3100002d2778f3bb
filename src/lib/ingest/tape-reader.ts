import { FailureError } from '../model/errors.js';
import { type LineBatch, readLines } from './lines.js';
import { parseHeader, parseTapeLine, type TapeEntry, type TapeHeader } from './tape.js';

/** An open tape: its header, and its lines in the batches they were read in. */
export type Tape = {
  readonly path: string;
  readonly header: TapeHeader;
  readonly batches: AsyncIterable<readonly TapeEntry[]>;
};

export type TapeOptions = { readonly scope?: string; readonly stopped?: AbortSignal | undefined };

/**
 * Opens a tape (`-` is stdin; gzip is recognised). `scope` keeps its connections apart from those of other tapes.
 * Throws a `FailureError` that names the path when it cannot be read or is no tape.
 */
export async function openTape(path: string, { scope = '', stopped }: TapeOptions = {}): Promise<Tape> {
  const source = readLines(path, stopped);
  const name = path === '-' ? 'stdin' : path;
  const first = await source.next();
  if (first.done) throw new FailureError(`${name}: expected a tape, is empty`);
  const header = parseHeader(first.value.lines[0] ?? '');
  if (typeof header === 'string') {
    await source.return(undefined);
    throw new FailureError(`${name}: ${header}`);
  }
  const own = header.recording ? `${header.recording}/` : scope;
  return { path, header, batches: entries(name, first.value, source, own) };
}

async function* entries(
  name: string,
  first: LineBatch,
  rest: AsyncIterable<LineBatch>,
  scope: string,
): AsyncGenerator<readonly TapeEntry[]> {
  let number = 1;
  const parse = ({ lines, truncated }: LineBatch, from = 0): TapeEntry[] => {
    const batch: TapeEntry[] = [];
    for (const line of from ? lines.slice(from) : lines) {
      number += 1;
      if (line.trim() !== '') batch.push(named(parseTapeLine(line, number, scope), name));
    }
    if (truncated) batch.push({ kind: 'broken', line: number, reason: truncated });
    return batch;
  };
  yield parse(first, 1);
  for await (const batch of rest) yield parse(batch);
}

function named(entry: TapeEntry, name: string): TapeEntry {
  return entry.kind === 'broken' ? { ...entry, reason: `${name} line ${entry.line}: ${entry.reason}` } : entry;
}
