import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { RECORD_TYPES } from '../../model/records.js';

/** Lines of one type: in the journal itself where it has no others, else in a file of their own. */
export type TypedLines = { readonly path: string; readonly lines: number };

/** Lines of one type, one behind the other. */
type Run = { readonly type: string; readonly from: number; until: number; lines: number };

const NEWLINE = 10;
const QUOTE = 34;
const HEAD = Buffer.from('{"type":"');
/** Bytes that are read at a time; a longer line takes more. */
const CHUNK = 4 << 20;
/** The type of a journal's first line. */
const HEADER = 'journal';

/**
 * Returns the lines of a journal by the type that they begin with; '' for lines that do not begin as a line of the writer. The
 * header is not among them.
 *
 * DuckDB parses all lines of a file for each type that is loaded from it, and once more to learn the types. Lines of several
 * types are therefore written into a file for each, in `directory`.
 */
export async function typedLines(journal: string, directory: () => Promise<string>): Promise<Map<string, TypedLines>> {
  const counts = new Map<string, number>();
  for await (const { runs } of readRuns(journal))
    for (const { type, lines } of runs) counts.set(type, (counts.get(type) ?? 0) + lines);
  counts.delete(HEADER);
  const pathOf = counts.size > 1 ? await split(journal, await directory()) : () => journal;
  return new Map([...counts].map(([type, lines]) => [type, { path: pathOf(type), lines }]));
}

/** Writes the lines of each type into a file of their own. Returns the path of a type's file. */
async function split(journal: string, directory: string): Promise<(type: string) => string> {
  const pathOf = (type: string) => join(directory, `${type === '' ? 'other' : type}.ndjson`);
  const files = new Map<string, FileHandle>();
  try {
    for await (const { bytes, runs } of readRuns(journal)) {
      for (const [type, pieces] of byType(runs)) {
        if (type === HEADER) continue;
        const file = files.get(type) ?? (await open(pathOf(type), 'wx'));
        files.set(type, file);
        await file.appendFile(Buffer.concat(pieces.map(({ from, until }) => bytes.subarray(from, until))));
      }
    }
  } finally {
    for (const file of files.values()) await file.close();
  }
  return pathOf;
}

function byType(runs: readonly Run[]): Map<string, Run[]> {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const group = groups.get(run.type);
    if (group) group.push(run);
    else groups.set(run.type, [run]);
  }
  return groups;
}

/** Yields the lines of a file in runs. The bytes are overwritten by the next ones. */
async function* readRuns(path: string): AsyncGenerator<{ readonly bytes: Buffer; readonly runs: readonly Run[] }> {
  const file = await open(path);
  try {
    let bytes = Buffer.allocUnsafe(CHUNK);
    let length = 0;
    for (;;) {
      if (length === bytes.length) bytes = Buffer.concat([bytes], 2 * length);
      const { bytesRead } = await file.read(bytes, length, bytes.length - length);
      length += bytesRead;
      // The last line of a process that was killed has no end.
      const end = bytesRead === 0 ? length : bytes.lastIndexOf(NEWLINE, length - 1) + 1;
      if (end > 0) yield { bytes, runs: runsOf(bytes, end) };
      if (bytesRead === 0) return;
      bytes.copyWithin(0, end, length);
      length -= end;
    }
  } finally {
    await file.close();
  }
}

function runsOf(bytes: Buffer, end: number): Run[] {
  const runs: Run[] = [];
  let run: Run | undefined;
  for (let start = 0; start < end; ) {
    const next = bytes.indexOf(NEWLINE, start);
    const until = next < 0 || next >= end ? end : next + 1;
    const type = typeAt(bytes, start, until, run?.type ?? '');
    if (run?.type !== type) {
      run = { type, from: start, until, lines: 0 };
      runs.push(run);
    }
    run.until = until;
    run.lines += 1;
    start = until;
  }
  return runs;
}

const NAMES = new Map<string, Buffer>([...RECORD_TYPES, HEADER].map((type) => [type, Buffer.from(`${type}"`)]));
const LONGEST = Math.max(...[...NAMES.values()].map(({ length }) => length));

/** Returns the type that a line begins with, '' when it does not begin with a known one. `before` is that of the line before. */
function typeAt(bytes: Buffer, start: number, end: number, before: string): string {
  if (!beginsWith(bytes, start, end, HEAD)) return '';
  const at = start + HEAD.length;
  const name = NAMES.get(before);
  if (name && beginsWith(bytes, at, end, name)) return before;
  const quote = bytes.subarray(at, Math.min(end, at + LONGEST)).indexOf(QUOTE);
  const type = quote < 0 ? '' : bytes.toString('latin1', at, at + quote);
  return NAMES.has(type) ? type : '';
}

function beginsWith(bytes: Buffer, at: number, end: number, piece: Buffer): boolean {
  if (at + piece.length > end) return false;
  for (let index = 0; index < piece.length; index++) if (bytes[at + index] !== piece[index]) return false;
  return true;
}
