import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readInput } from '../../../src/lib/input/input.js';
import { tradesOfFiles } from '../../../src/lib/input/trade-files.js';
import { DistinctHashes, halvesOf } from '../../../src/lib/model/distinct-hashes.js';
import { compareTrades } from '../../../src/lib/model/order.js';
import type { Trade } from '../../../src/lib/model/records.js';
import { seriesKey } from '../../../src/lib/model/series.js';
import { Database, sqlText } from '../../../src/lib/storage/database/duckdb.js';

let directory: string;
let database: Database;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trade-files-'));
  database = await Database.open();
});
afterAll(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});

const START = 1_786_310_820_000_000;
let written = 0;

/** Values of one row, as SQL. */
type Row = readonly [
  symbol: string,
  time: string,
  local: string,
  id: string,
  price: string,
  amount: string,
  side: string,
  sequence: string,
];

async function parquet(rows: readonly Row[]): Promise<string> {
  const path = join(directory, `${written++}.parquet`);
  const values = rows.map((row) => `('bybit', 'linear', ${row.join(', ')})`);
  await database.run(
    `COPY (SELECT * FROM (VALUES ${values.join(', ')}) t(exchange, market, symbol, timestamp, local_timestamp, id, price, amount, side, sequence)) TO ${sqlText(path)} (FORMAT parquet)`,
  );
  return path;
}

async function byRecords(path: string): Promise<{ trades: Trade[]; broken: number }> {
  const trades: Trade[] = [];
  let broken = 0;
  for await (const records of readInput([path], { broken: () => void broken++ })) trades.push(...(records as Trade[]));
  return { trades, broken };
}

async function scanned(path: string) {
  await database.run('DROP TYPE IF EXISTS trade_files');
  return await tradesOfFiles(database, [path], new Map(), {});
}

const at = (microseconds: number) => `make_timestamptz(${START + microseconds})`;

describe('trades of files without a record each', () => {
  it('are taken when every row is a trade with an id of its own, and in order only when each symbol is', async () => {
    const cell = (usual: string, ...others: string[]) =>
      fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
    const row = fc.tuple(
      fc.constantFrom("'A'", "'B'"),
      fc
        .integer({ min: 0, max: 4 })
        .chain((step) => cell(at(step), `make_timestamptz(5)`, "'infinity'::TIMESTAMPTZ", 'NULL::TIMESTAMPTZ')),
      fc
        .option(fc.integer({ min: 0, max: 4 }), { nil: undefined })
        .map((step) => (step === undefined ? 'NULL::TIMESTAMPTZ' : at(step))),
      fc.integer({ min: 0, max: 60 }).chain((id) => cell(`'${id}'`, "'1.76E+12'", "'1e5x'", "'9E9'", 'NULL')),
      cell('1.5', "'nan'::DOUBLE", "'infinity'::DOUBLE", '0', '-1', '1e-8'),
      cell('2.5', "'nan'::DOUBLE", '0', '1e300'),
      fc.constantFrom("'buy'", "'sell'"),
      fc.constantFrom('NULL', '0', '7', '9007199254740993', '9223372036854775807'),
    );
    const seen = { taken: 0, inOrder: 0, declined: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 5 }), async (rows) => {
        const path = await parquet(rows as unknown as Row[]);
        const { trades, broken } = await byRecords(path);
        const isUnique = new Set(trades.map((trade) => `${seriesKey(trade)} ${trade.id}`)).size === trades.length;
        const files = await scanned(path);
        if (broken > 0 || !isUnique) {
          seen.declined += 1;
          expect(files).toBeUndefined();
          return;
        }
        if (!files) {
          // Only what is beyond the bits of a double is declined without a reason in the file.
          expect(trades.some(({ sequence }) => sequence === '9223372036854775807')).toBe(true);
          return;
        }
        seen.taken += 1;
        expect(files.count).toBe(trades.length);
        expect(files.arrivals.map(({ arrived }) => arrived).reduce((a, b) => Math.max(a, b))).toBe(
          Math.max(...trades.map(({ localTimestamp, timestamp }) => localTimestamp ?? timestamp)),
        );
        const bySymbol = ['A', 'B'].map((symbol) => trades.filter((trade) => trade.symbol === symbol));
        const isInOrder = bySymbol.every((list) =>
          list.every((trade, index) => index === 0 || compareTrades(list[index - 1] as Trade, trade) < 0),
        );
        if (isInOrder) seen.inOrder += 1;
        expect(files.isInOrder).toBe(isInOrder);
      }),
      { numRuns: 20, seed: 7 },
    );
    expect(Math.min(seen.taken, seen.inOrder, seen.declined)).toBeGreaterThan(1);
  });

  it('are declined for a name that is missing and for a market that nobody knows', async () => {
    const good: Row = ["'A'", at(0), at(1), "'a'", '1', '1', "'buy'", '1'];
    expect(await scanned(await parquet([good]))).toMatchObject({ count: 1, isInOrder: true });
    const path = await parquet([good, ['NULL', ...good.slice(1)] as unknown as Row]);
    expect(await scanned(path)).toBeUndefined();
    expect(await byRecords(path)).toMatchObject({ broken: 1 });
  });
});

describe('distinct hashes', () => {
  it('finds the one that is there twice among 100,000', () => {
    const hashes = new BigUint64Array(100_000);
    let state = 1n;
    for (let index = 0; index < hashes.length; index++) {
      state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
      hashes[index] = state ^ (state >> 29n);
    }
    const once = new DistinctHashes(1_000);
    once.add(halvesOf(hashes), 0, hashes.length);
    expect(once.areDistinct()).toBe(true);
    once.add(halvesOf(hashes), 77_777, 77_778);
    expect(once.areDistinct()).toBe(false);
  });

  it('tells hashes apart that share half of their bits, and none', () => {
    const of = (...values: bigint[]) => {
      const hashes = new DistinctHashes(4);
      hashes.add(halvesOf(BigUint64Array.from(values)), 0, values.length);
      return hashes.areDistinct();
    };
    expect(of(5n, 5n << 32n, (5n << 32n) + 5n, 0n)).toBe(true);
    expect(of(0n, 1n, 0n)).toBe(false);
  });
});
