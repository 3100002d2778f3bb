import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Trade } from '../../src/lib/model/records.js';
import { tradeAt } from '../lib/storage/support.js';
import { seeded } from '../support/random.js';

const FOLDER = import.meta.dirname;

/** Returns whether ClickHouse is installed beside the tests; says how it would be. */
export function hasClickHouse(): boolean {
  if (existsSync(join(FOLDER, 'node_modules/chdb'))) return true;
  console.error('\nSKIPPED: the ClickHouse recipe needs chdb: npm install --prefix test/clickhouse\n');
  return false;
}

/** Returns the rows of a statement in ClickHouse, numbers as numbers. */
export async function clickHouse(sql: string): Promise<unknown[][]> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(FOLDER, 'ask.mjs'), sql], { maxBuffer: 1 << 28 });
  return stdout
    .trim()
    .split('\n')
    .map((line) => Object.values(JSON.parse(line)));
}

/** The candles of docs/beyond-one-machine.md, a second long. */
export function secondCandles(trades: string): string {
  return `SELECT symbol, toUnixTimestamp(toStartOfInterval(timestamp, INTERVAL 1 second)) * 1000000 AS start,
      argMin(price, (timestamp, sequence)) AS open, max(price) AS high, min(price) AS low,
      argMax(price, (timestamp, sequence)) AS close, round(sum(amount), 6) AS volume, count() AS trades
    FROM ${trades} GROUP BY symbol, start ORDER BY symbol, start`;
}

/** Returns trades of two symbols, about ten at each time, stored in another order than that of their sequence. */
export function tiedTrades(count: number): Trade[] {
  const random = seeded(11);
  const all = Array.from({ length: count }, (_, n) => {
    const timestamp = tradeAt(0).timestamp + Math.floor(n / 20) * 100_000;
    return { n, order: random(), trade: tradeAt(n, { timestamp, price: 100 + Math.round(random() * 1000) / 8 }) };
  });
  return all.sort((a, b) => Math.floor(a.n / 20) - Math.floor(b.n / 20) || a.order - b.order).map(({ trade }) => trade);
}
