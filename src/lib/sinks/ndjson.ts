import { encodeRecord } from '../model/ndjson.js';
import type { Encoder } from './sink.js';

/** Returns an encoder that writes one JSON line per record, of every type. */
export function createNdjsonEncoder(): Encoder {
  let written = 0;
  return {
    encode(records) {
      let text = '';
      for (const record of records) text += `${encodeRecord(record)}\n`;
      written += records.length;
      return text;
    },
    get records() {
      return written;
    },
    leftOut: {},
  };
}
