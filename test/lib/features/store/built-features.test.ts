import { cp } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { FeatureRow } from '../../../../src/lib/features/feature-series.js';
import { featuresOfStore } from '../../../../src/lib/features/store/stored-features.js';
import { encodeRecord } from '../../../../src/lib/model/ndjson.js';
import type { AnyRecord, Gap, Trade } from '../../../../src/lib/model/records.js';
import { DAY, HOUR, SECOND } from '../../../../src/lib/model/time.js';
import { openStoreWriter } from '../../../../src/lib/storage/store-writer.js';
import { featureRun } from '../../../support/feature-runs.js';
import {
  build,
  byArrival,
  differences,
  ENGINE,
  growRandomly,
  market,
  raw,
  rowsOf,
  rowsOfOneRun,
  WINDOWS,
} from '../../../support/growing-features.js';
import { gapRecord } from '../../../support/records.js';
import { compact } from '../../storage/compact-support.js';
import { readAll, START, temporaryDirectory, writeRun } from '../../storage/support.js';

describe('rows of a store', () => {
  it('are those of the engine over all records, but for the second that is not over by the clock of the data', async () => {
    const directory = await temporaryDirectory();
    const records = raw(market('BTCUSDT', START, 0.2, 1));
    await writeRun(directory, records);
    await build(directory);
    const ordered = [...records].sort((a, b) => a.timestamp - b.timestamp);
    const { features } = featureRun(ordered, { windows: WINDOWS, batch: true });
    const arrived = Math.max(...records.map(({ localTimestamp }) => localTimestamp ?? 0));
    const over = features.filter(({ timestamp }) => timestamp + ENGINE.grace <= arrived);
    expect(over.length).toBe(features.length - 2);
    const stored = (await readAll(directory, { types: ['features'] })) as FeatureRow[];
    expect(stored.map(encodeRecord)).toEqual(over.map(encodeRecord));
    expect(await build(directory)).toEqual([]);
  });

  it('never hold a second that is not over, beside a writer that writes on', async () => {
    const directory = await temporaryDirectory();
    const records = raw(market('BTCUSDT', START, 0.05, 2));
    const writer = await openStoreWriter(directory, { step: 'test' });
    const seen = new Map<number, string>();
    for (let from = 0; from < records.length; from += 61) {
      await writer.write(records.slice(from, from + 37));
      if (from % 3 !== 0) continue;
      await build(directory);
      for (const row of await readAll(directory, { types: ['features'] })) {
        const known = seen.get(row.timestamp);
        if (known !== undefined) expect(encodeRecord(row)).toBe(known);
        seen.set(row.timestamp, encodeRecord(row));
      }
    }
    await writer.close();
    expect(seen.size).toBeGreaterThan(100);
  });

  it.each([1])(
    'of a store that grows in random steps are those of one run in the end (seed %i)',
    async (seed) => await growRandomly(seed, 0.07, 2),
    120_000,
  );

  it('that go on after a silence of more than a day do not have its first second', async () => {
    const directory = await temporaryDirectory();
    for (const start of [START, START + 25 * HOUR]) {
      // The clock of the market goes on with the other symbol, so that all seconds of the first are over.
      const records = ['BTCUSDT', 'ETHUSDT'].flatMap((symbol, index) =>
        raw(market(symbol, start, (10 + 10 * index) / 3_600, 7) as AnyRecord[]),
      );
      await writeRun(
        directory,
        records.map((record) => (record.type === 'trade' ? { ...record, id: `${start} ${record.id}` } : record)),
      );
      await build(directory);
    }
    expect(differences(await rowsOf(directory), await rowsOfOneRun(directory))).toEqual([]);
  });

  it('are made for the symbols asked for, those of others stay', async () => {
    const directory = await temporaryDirectory();
    const records = byArrival([...raw(market('BTCUSDT', START, 0.06, 1)), ...raw(market('ETHUSDT', START, 0.06, 2))]);
    await writeRun(directory, records.slice(0, 420));
    await build(directory, { symbols: ['ETHUSDT'] });
    const symbols = (await readAll(directory, { types: ['features'] })).map((row) => 'symbol' in row && row.symbol);
    expect(new Set(symbols)).toEqual(new Set(['ETHUSDT']));
    await writeRun(directory, records.slice(420));
    await build(directory);
    await build(directory, { symbols: ['ETHUSDT'] });
    expect(differences(await rowsOf(directory), await rowsOfOneRun(directory))).toEqual([]);
  });

  it('stay as they are where retention has deleted what they were made of', async () => {
    const start = START + 14 * HOUR - 340_000_000;
    const [directory, whole] = [await temporaryDirectory(), await temporaryDirectory()];
    const records = byArrival(raw(market('BTCUSDT', start, 0.17, 5)));
    const midnight = start + 340_000_000;
    const [early, late] = [records.slice(0, -220), records.slice(-220)];
    await writeRun(directory, early);
    await build(directory);
    await cp(directory, whole, { recursive: true, preserveTimestamps: true });
    const rows = await rowsOf(directory);
    expect(rows.some((row) => JSON.parse(row).timestamp < midnight)).toBe(true);
    await compact(directory, { retention: { types: new Map([['trade', DAY]]) }, now: midnight + DAY + HOUR });
    // A late trade of the day whose other trades are gone, other rules of choice, and what came since.
    const trade = early.find(({ type, timestamp }) => type === 'trade' && timestamp < midnight) as Trade;
    const stray = { ...trade, id: 'stray', timestamp: trade.timestamp + 1, localTimestamp: undefined };
    await writeRun(directory, [stray]);
    await build(directory);
    expect(differences(await rowsOf(directory), rows)).toEqual([]);
    await build(directory, { symbols: ['BTCUSDT'] });
    expect(differences(await rowsOf(directory), rows)).toEqual([]);
    for (const store of [directory, whole]) {
      await writeRun(store, late);
      await build(store);
    }
    expect(differences(await rowsOf(directory), await rowsOf(whole))).toEqual([]);
  });

  it.each([
    ['within an hour', 0.15, 260, 400],
    ['of seconds', 0.09, 180, 183],
    ['across midnight', 0.18, 270, 450],
  ])('of a gap that was filled later (%s) are those of a run that had none', async (name, hours, from, until) => {
    const start = name === 'across midnight' ? START + 14 * 3_600_000_000 - 350_000_000 : START;
    const [first, last] = [start + from * 1_000_000, start + until * 1_000_000];
    const isLost = (record: AnyRecord) => record.type === 'trade' && record.timestamp > first && record.timestamp < last;
    const records = raw(market('BTCUSDT', start, hours, 4));
    const fetched = records.filter(isLost).map((record) => ({ ...record, localTimestamp: undefined }) as AnyRecord);
    const openGap: Gap = {
      ...gapRecord,
      ...{ exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT', channel: 'trade', missing: true, repaired: 0 },
      ...{ fromTimestamp: first, untilTimestamp: last, timestamp: last, localTimestamp: last + 900 },
    };
    const directory = await temporaryDirectory();
    const live = records.filter((record) => !isLost(record));
    const cut = Math.floor(live.length * 0.9);
    await writeRun(directory, byArrival([...live.slice(0, cut), openGap]));
    await build(directory);
    expect((await readAll(directory, { types: ['micro'] })).some((row) => row.type === 'micro' && !row.complete)).toBe(true);
    await writeRun(directory, [...fetched, { ...openGap, repaired: fetched.length, missing: false, localTimestamp: last + 9e9 }]);
    await build(directory);
    await writeRun(directory, live.slice(cut));
    await build(directory);
    const undamaged = await temporaryDirectory();
    await writeRun(undamaged, [...live, ...fetched]);
    await build(undamaged);
    expect(differences(await rowsOf(directory), await rowsOf(undamaged))).toEqual([]);
    expect(await build(directory)).toEqual([]);
    const once = await featuresOfStore(directory, {}, ENGINE, new AbortController().signal);
    const rows: AnyRecord[] = [];
    for await (const batch of once.records) rows.push(...batch.filter(({ type }) => type === 'features'));
    const stored = (await readAll(undamaged, { types: ['features'] })).map(encodeRecord);
    expect(differences(rows.map(encodeRecord), stored)).toEqual([]);
  });

  it.each([
    { before: 600, from: 100, until: 1_100, hours: 0.4, late: 300 },
    { before: 240, from: 40, until: 440, hours: 0.16, late: 120 },
  ])('that go on at midnight, in the silence of a channel, know of it when its gap is told: %j', async (at) => {
    const start = START + 14 * 3_600_000_000 - at.before * SECOND;
    const [first, last] = [start + at.from * SECOND, start + at.until * SECOND];
    const isLost = ({ type, timestamp }: AnyRecord) => type === 'book_snapshot' && timestamp > first && timestamp < last;
    const openGap: Gap = {
      ...gapRecord,
      ...{ exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT', channel: 'book', missing: true, repaired: 0 },
      ...{ fromTimestamp: first, untilTimestamp: last, timestamp: last, localTimestamp: last + 900 },
    };
    const live = byArrival([...raw(market('BTCUSDT', start, at.hours, 5)).filter((record) => !isLost(record)), openGap]);
    const isLate = ({ type, timestamp }: AnyRecord) =>
      type === 'trade' && timestamp > last - at.late * SECOND && timestamp < last;
    const directory = await temporaryDirectory();
    await writeRun(
      directory,
      live.filter((record) => !isLate(record)),
    );
    await build(directory);
    await writeRun(directory, live.filter(isLate));
    await build(directory);
    expect(differences(await rowsOf(directory), await rowsOfOneRun(directory))).toEqual([]);
  });

  it('made with other windows are refused', async () => {
    const directory = await temporaryDirectory();
    await writeRun(directory, raw(market('BTCUSDT', START, 0.02, 1)));
    await build(directory);
    const engine = { ...ENGINE, windows: new Map([...WINDOWS, ['ofi', 30] as const]) };
    await expect(build(directory, { engine })).rejects.toThrow(
      '--window ofi=30s: the features of this store are made with --window ofi=20s; use that, another store, or -o FILE',
    );
  });
});
