import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import { SIXTY_HOURS, syntheticMarket } from './synthetic-market.js';

/** Writes the synthetic market of 60 hours as gzipped NDJSON: node --import tsx test/support/synthetic-market-main.ts FILE */
const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: node --import tsx test/support/synthetic-market-main.ts FILE.ndjson.gz');

const PIECE = 500;

function* lines(): Generator<string> {
  let piece: string[] = [];
  for (const record of syntheticMarket(SIXTY_HOURS)) {
    piece.push(encodeRecord(record));
    if (piece.length < PIECE) continue;
    yield `${piece.join('\n')}\n`;
    piece = [];
  }
  if (piece.length > 0) yield `${piece.join('\n')}\n`;
}

await pipeline(lines(), createGzip({ level: 1 }), createWriteStream(path));
