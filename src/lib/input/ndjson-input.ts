import { decodeRecord, RecordError } from '../model/ndjson.js';
import type { AnyRecord } from '../model/records.js';
import type { InputListener } from './input-listener.js';
import { readLines } from './lines.js';
import { plausible } from './plausible.js';

/** Returns the records of an NDJSON file, gzipped or not, or of stdin (`-`). Blank lines are skipped. */
export async function* readNdjson(path: string, listener: InputListener): AsyncGenerator<AnyRecord[]> {
  const name = path === '-' ? 'stdin' : path;
  let number = 0;
  for await (const { lines, truncated } of readLines(path)) {
    const records: AnyRecord[] = [];
    for (const line of lines) {
      number += 1;
      const record =
        line.trim() === '' ? undefined : recordOfLine(line, (reason) => listener.broken(`${name}:${number}: ${reason}`));
      if (!record) continue;
      records.push(record);
      listener.taken?.(record, `${name}:${number}`);
    }
    if (truncated !== undefined) listener.broken(truncated);
    if (records.length > 0) yield records;
  }
}

/** Returns the record of a line; undefined, after a report, if it is not one. */
export function recordOfLine(line: string, broken: (reason: string) => void): AnyRecord | undefined {
  try {
    return plausible(decodeRecord(line));
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    broken(error.message);
    return undefined;
  }
}
