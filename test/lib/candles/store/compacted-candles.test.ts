import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CandleOptions } from '../../../../src/lib/candles/options.js';
import { buildStoredCandles } from '../../../../src/lib/candles/store/stored-candles.js';
import { buildStoredFeatures } from '../../../../src/lib/features/store/built-features.js';
import { parseIntervals } from '../../../../src/lib/model/interval.js';
import type { Trade } from '../../../../src/lib/model/records.js';
import { DAY, HOUR, MINUTE, SECOND } from '../../../../src/lib/model/time.js';
import { storePaths } from '../../../../src/lib/storage/files/store-directory.js';
import { openStoreContext } from '../../../../src/lib/storage/log/store-context.js';
import { tradeRecord } from '../../../support/records.js';
import { compact } from '../../storage/compact-support.js';
import { readAll, writeRun } from '../../storage/support.js';

const START = Date.parse('2026-11-18T23:15:00Z') * 1000;
/** Some days after the last trade: every day is over. */
const NOW = START + 10 * DAY;
const CANDLES: CandleOptions = {
  intervals: parseIntervals(['1s', '1m', '7h', '1d', '1w']),
  open: 'previous-close',
  empty: 'skip',
  grace: SECOND,
  source: 'trades',
  amountUnit: () => 'base',
};
const FEATURES = { grace: SECOND, windows: new Map<string, number>() } as const;

const root = mkdtempSync(join(tmpdir(), 'mdtool-compacted-'));
const [compacted, plain] = [join(root, 'compacted'), join(root, 'plain')];
afterAll(() => rmSync(root, { recursive: true }));

/** A trade every half minute, from before midnight to after it. */
const trades: Trade[] = Array.from({ length: 180 }, (_, n) => {
  const timestamp = START + n * 30 * SECOND + (n % 7) * SECOND;
  return tradeRecord({
    timestamp,
    localTimestamp: timestamp + 5,
    id: `t${n}`,
    price: 100 + Math.sin(n) * 3,
    side: n % 3 ? 'buy' : 'sell',
  });
});
const late = tradeRecord({ timestamp: START + 20 * MINUTE + 1, localTimestamp: START + 2 * HOUR, id: 'late', price: 90 });

async function build(directory: string): Promise<string[]> {
  const changed: string[] = [];
  for await (const day of buildStoredCandles(openStoreContext(storePaths(directory)), { candles: CANDLES }))
    if (day.changed) changed.push(`${day.partition.interval} ${day.partition.date}`);
  return changed;
}

async function addFeatures(directory: string): Promise<number> {
  const options = { engine: FEATURES, selection: {}, onRows() {}, onCounts() {}, stopped: new AbortController().signal };
  let changed = 0;
  for await (const rows of buildStoredFeatures(openStoreContext(storePaths(directory)), options)) if (rows.changed) changed += 1;
  return changed;
}

/** The same in both stores; compactions in one only. */
async function inBoth(work: (directory: string) => Promise<unknown>): Promise<void> {
  await work(plain);
  await work(compacted);
  expect((await compact(compacted, { now: NOW })).failures).toEqual([]);
}

const all = async (directory: string) => {
  const derived = await readAll(directory, { types: ['trade', 'candle', 'features', 'micro'] });
  return derived.map((record) => JSON.stringify(record, (key, value) => (key === 'knownTimestamp' ? undefined : value))).sort();
};

beforeAll(async () => {
  for (let from = 0; from < trades.length; from += 60) {
    await inBoth((directory) => writeRun(directory, trades.slice(from, from + 60), { now: () => 0 }));
    await inBoth(build);
    await inBoth(addFeatures);
  }
}, 120_000);

it('candles and features built piece by piece between compactions are those of a store that never was compacted', async () => {
  const [a, b] = [await all(compacted), await all(plain)];
  expect(a).toEqual(b);
  expect(a.length).toBeGreaterThan(1000);
});

it('after a compaction nothing is built again, and a second compaction changes nothing', async () => {
  expect(await build(compacted)).toEqual([]);
  expect(await addFeatures(compacted)).toBe(0);
  expect((await compact(compacted, { now: NOW })).done).toEqual([]);
});

it('a late trade touches the candles that it is part of, as in a store that never was compacted', async () => {
  await inBoth((directory) => writeRun(directory, [late]));
  const [inCompacted, inPlain] = [await build(compacted), await build(plain)];
  expect(inCompacted).toEqual(inPlain);
  expect(inCompacted).toContain('1m 2026-11-18');
  await inBoth(addFeatures);
  expect(await all(compacted)).toEqual(await all(plain));
  expect((await compact(compacted, { now: NOW })).failures).toEqual([]);
  expect(await build(compacted)).toEqual([]);
  expect(await all(compacted)).toEqual(await all(plain));
});
