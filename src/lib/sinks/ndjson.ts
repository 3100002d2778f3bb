import { encodeRecord } from '../model/ndjson.js';
import { NdjsonLines } from '../model/ndjson-lines.js';
import type { AnyRecord } from '../model/records.js';
import type { Encoder } from './sink.js';

/**
 * Returns an encoder that writes one JSON line per record, of every type. With `columns` a line has only these, and a record
 * that has none of them has no line.
 */
export function createNdjsonEncoder(columns?: readonly string[]): Encoder {
  if (columns) return selected(columns, (objects) => objects.map((object) => `${object}\n`).join(''));
  const lines = new NdjsonLines();
  let written = 0;
  return {
    encode(records) {
      for (const record of records) lines.add(record);
      written += records.length;
      return lines.take();
    },
    get records() {
      return written;
    },
    skipped: {},
  };
}

/** Returns an encoder that writes all records as one JSON array. */
export function createJsonEncoder(columns?: readonly string[]): Encoder {
  let written = 0;
  const encoder = selected(columns, (objects) => objects.map((object) => `${written++ === 0 ? '[' : ','}\n${object}`).join(''));
  return Object.assign(encoder, { end: () => (written === 0 ? '[]\n' : '\n]\n') });
}

function selected(columns: readonly string[] | undefined, join: (objects: readonly string[]) => string): Encoder {
  const encoder = {
    records: 0,
    skipped: {},
    encode(records: readonly AnyRecord[]) {
      const objects = records.map((record) => selectedText(encodeRecord(record), columns)).filter((text) => text !== undefined);
      encoder.records += objects.length;
      return join(objects);
    },
  };
  return encoder;
}

/** Returns a record's line with some of its columns, in their order; undefined when it has none of them. */
function selectedText(line: string, columns: readonly string[] | undefined): string | undefined {
  if (!columns) return line;
  const fields = JSON.parse(line) as Record<string, unknown>;
  const kept = columns.filter((name) => name in fields);
  return kept.length === 0 ? undefined : JSON.stringify(Object.fromEntries(kept.map((name) => [name, fields[name]])));
}
