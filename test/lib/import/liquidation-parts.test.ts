import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refuseAgainstStore } from '../../../src/lib/import/comparison.js';
import { prepareType } from '../../../src/lib/import/preparation.js';
import { Staging } from '../../../src/lib/import/staging.js';
import type { AnyRecord, Liquidation } from '../../../src/lib/model/records.js';
import { tableColumns } from '../../../src/lib/storage/database/record-table.js';

/** A row of a file: its time, and which of two liquidations of that time it is. */
type Row = { readonly symbol: string; readonly time: number; readonly kind: number };
type File = readonly Row[];

const RUNS = Number(process.env.SOAK_LIQUIDATIONS ?? 4);
const START = 1_717_200_000_000_000;
function liquidation({ symbol, time, kind }: Row): Liquidation {
  const timestamp = START + time * 1_000_000;
  return {
    type: 'liquidation',
    exchange: 'okx',
    market: 'linear',
    symbol,
    timestamp,
    side: 'sell',
    price: 100 + kind,
    amount: 1,
  };
}

/** Imports files in one command into a table of stored rows; returns what is refused. */
async function imported(files: readonly File[], stored: Row[]): Promise<string[]> {
  const staged = await Staging.open();
  const { database } = staged;
  const refused: string[] = [];
  try {
    for (const [index, file] of files.entries()) {
      staged.beginFile(`f${index}`, 'line', true);
      await staged.add(
        file.map(liquidation) as AnyRecord[],
        file.map((_, line) => line + 1),
      );
    }
    await staged.flush();
    await prepareType(staged, 'liquidation', (reason) => refused.push(reason));
    const columns = tableColumns('liquidation').map(({ name, sqlType }) => `"${name}" ${sqlType}`);
    await database.run(`CREATE TABLE stored (${columns.join(', ')})`);
    const seen = new Map<string, number>();
    for (const row of stored) {
      const key = keyOf(row);
      const copy = seen.get(key) ?? 0;
      seen.set(key, copy + 1);
      const { symbol, timestamp, price } = liquidation(row);
      await database.run(
        `INSERT INTO stored BY NAME SELECT 'liquidation' AS type, 'okx' AS exchange, 'linear' AS market, '${symbol}' AS symbol, make_timestamptz(${timestamp}) AS "timestamp",
         'sell' AS side, ${price}::DOUBLE AS price, 1::DOUBLE AS amount, nullif(${copy}, 0) AS sequence`,
      );
    }
    if (stored.length > 0) await refuseAgainstStore(database, staged, 'liquidation', 'stored', (reason) => refused.push(reason));
    const rows = await database.rows(
      `SELECT symbol, epoch_us("timestamp")::DOUBLE AS time, price, coalesce(sequence, 0)::DOUBLE AS copy FROM prepared_liquidation ORDER BY ALL`,
    );
    for (const { symbol, time, price, copy } of rows) {
      const row = { symbol: String(symbol), time: (Number(time) - START) / 1e6, kind: Number(price) - 100 };
      if ((seen.get(keyOf(row)) ?? 0) <= Number(copy)) stored.push(row);
    }
    return refused;
  } finally {
    await staged.close();
    await staged.dispose();
  }
}

const keyOf = ({ symbol, time, kind }: Row) => `${symbol} ${time} ${kind}`;

function counts(rows: readonly Row[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const row of rows) found[keyOf(row)] = (found[keyOf(row)] ?? 0) + 1;
  return found;
}

/** What one command makes of its files, row by row: the most copies of any file; parts that meet at one time are added up. */
function naive(files: readonly File[]): Record<string, number> {
  const result: Record<string, number> = {};
  for (const key of new Set(files.flat().map(keyOf))) {
    const row = files.flat().find((one) => keyOf(one) === key) as Row;
    const most = { inside: 0, ends: 0, alone: 0, begins: 0 };
    for (const file of files) {
      const times = file.filter(({ symbol }) => symbol === row.symbol).map(({ time }) => time);
      if (times.length === 0) continue;
      const [low, high] = [Math.min(...times), Math.max(...times)];
      const copies = file.filter((one) => keyOf(one) === key).length;
      const at = row.time === low ? (row.time === high ? 'alone' : 'begins') : row.time === high ? 'ends' : 'inside';
      most[at] = Math.max(most[at], copies);
    }
    result[key] = Math.max(most.inside, most.ends + most.alone + most.begins);
  }
  return result;
}

const row = fc.record({
  symbol: fc.constantFrom('A', 'B'),
  time: fc.integer({ min: 0, max: 3 }),
  kind: fc.integer({ min: 0, max: 1 }),
});
const file = fc.array(row, { minLength: 1, maxLength: 7 });

describe('liquidations without arrival', () => {
  it('of several files count as often as a reading row by row says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 3 }), async (files) => {
        const stored: Row[] = [];
        expect(await imported(files, stored)).toEqual([]);
        expect(counts(stored)).toEqual(naive(files));
      }),
      { numRuns: RUNS, seed: 5 },
    );
  }, 600_000);

  it('that come in parts, one by one and in any order, are whole or refused', async () => {
    const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 1 })), {
      minLength: 4,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(rows, fc.array(fc.nat(11), { maxLength: 3 }), fc.infiniteStream(fc.nat(5)), async (drawn, cuts, order) => {
        const whole = drawn.map(([time, kind]) => ({ symbol: 'A', time, kind })).sort((a, b) => a.time - b.time);
        const at = [...new Set([0, ...cuts.map((cut) => cut % whole.length), whole.length])].sort((a, b) => a - b);
        const parts = at.slice(1).map((end, index) => whole.slice(at[index], end));
        // A part of one time alone cannot be told from the same rows again.
        fc.pre(parts.every((part) => part[0]?.time !== part.at(-1)?.time));
        const stored: Row[] = [];
        let refused = 0;
        while (parts.length > 0) {
          const [part = []] = parts.splice((order.next().value ?? 0) % parts.length, 1);
          refused += (await imported([part], stored)).length;
          const before = counts(stored);
          // The same part again, and a command that refuses, add nothing.
          await imported([part], stored);
          expect(counts(stored)).toEqual(before);
        }
        for (const [key, count] of Object.entries(counts(stored))) expect(count).toBeLessThanOrEqual(counts(whole)[key] ?? 0);
        if (refused === 0) expect(counts(stored)).toEqual(counts(whole));
      }),
      { numRuns: RUNS, seed: 7 },
    );
  }, 600_000);
});
