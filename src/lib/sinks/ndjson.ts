import { NdjsonLines } from '../model/ndjson-lines.js';
import type { Encoder } from './sink.js';

/** Returns an encoder that writes one JSON line per record, of every type. */
export function createNdjsonEncoder(): Encoder {
  const lines = new NdjsonLines();
  const utf8 = new TextDecoder();
  let written = 0;
  return {
    encode(records) {
      for (const record of records) lines.add(record);
      written += records.length;
      return utf8.decode(lines.take());
    },
    get records() {
      return written;
    },
    skipped: {},
  };
}
