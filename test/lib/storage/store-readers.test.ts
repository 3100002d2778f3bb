import { renameSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeRecord } from '../../../src/lib/model/ndjson.js';
import type { AnyRecord } from '../../../src/lib/model/records.js';
import { retiredPath } from '../../../src/lib/storage/files/stored-file.js';
import { queryStore } from '../../../src/lib/storage/reading/query.js';
import type { StoreSelection } from '../../../src/lib/storage/reading/store-selection.js';
import { openSnapshot } from '../../../src/lib/storage/reading/store-snapshot.js';
import { listViews } from '../../../src/lib/storage/reading/store-views.js';
import { openStoreWriter } from '../../../src/lib/storage/store-writer.js';
import { gapRecord, tickerRecord } from '../../support/records.js';
import { readerTrial } from './reader-trials.js';
import { readAll, START, temporaryDirectory, tradeAt, trades, writeRun } from './support.js';

const DAY = 86_400_000_000;

describe('readers beside writers', () => {
  it('see no error, no duplicate, no hole and no fewer than before', { timeout: 120_000 }, async () => {
    expect(await readerTrial(await temporaryDirectory(), { reads: 7, sealEveryMs: 500 })).toBeGreaterThan(300);
  });
});

describe('a question', () => {
  // Files in a directory with brackets in its name are looked for when a statement is read, others when they are opened.
  it.each([
    ['store [1] ', 1],
    ['store ', 30],
  ])('is answered although files are replaced while it is asked: in %s, %i of 30', async (name, replaced) => {
    const directory = await temporaryDirectory(name);
    const ofDay = (day: number) =>
      trades(10 * day, 10 * day + 10).map((trade) => ({ ...trade, timestamp: trade.timestamp + day * DAY }));
    await writeRun(directory, Array.from({ length: 30 }, (_, day) => ofDay(day)).flat());
    const snapshot = await openSnapshot(directory, { types: ['trade'] });
    await snapshot.close();
    expect(snapshot.files).toHaveLength(30);
    const files = snapshot.files.slice(-replaced);
    const parameters = {
      // Looked at after the views were made, and before the statement runs.
      get least() {
        const file = files.pop();
        if (file) renameSync(file, retiredPath(file));
        return '0';
      },
    };
    const result = await queryStore(directory, 'SELECT count(*) FROM trade WHERE price >= $least', { parameters });
    for await (const rows of result.rows()) expect(rows.map(([count]) => Number(count))).toEqual([300]);
    await result.close();
    expect(files).toEqual([]);
  });
});

describe('readStore', () => {
  const types = ['trade', 'ticker', 'gap'] as const;

  it('gives all types in order of time, of equal times in the order asked for, over days, sealed and open', async () => {
    const directory = await temporaryDirectory();
    const records: AnyRecord[] = [];
    for (let n = 0; n < 3000; n++) {
      const timestamp = START + n * 60_000_000;
      records.push(tradeAt(n, { timestamp, localTimestamp: timestamp + 9 }));
      if (n % 3 === 0) records.push({ ...tickerRecord, timestamp, localTimestamp: timestamp + 1 });
      if (n % 7 === 0) records.push({ ...gapRecord, timestamp, untilTimestamp: timestamp, localTimestamp: timestamp });
    }
    const shuffled = [...records].sort((a, b) => encodeRecord(a).length - encodeRecord(b).length);
    await writeRun(directory, shuffled.slice(0, 2500), { sealRecords: 700 });
    const writer = await openStoreWriter(directory, { step: 'test' });
    await writer.write(shuffled.slice(2500));
    expect(await readAll(directory, { types })).toEqual(records);
    await writer.close();
  });

  it('orders trades of one time by sequence as a number, then arrival, then id', async () => {
    const directory = await temporaryDirectory();
    const at = (sequence: string | undefined, localTimestamp: number, id: string) =>
      tradeAt(0, { timestamp: START, sequence, localTimestamp, id });
    const ordered = [at(undefined, 9, 'z'), at('9', 5, 'y'), at('10', 1, 'b'), at('10', 2, 'a'), at('10', 2, 'c')];
    await writeRun(directory, [...ordered].reverse());
    expect(await readAll(directory, { types: ['trade'] })).toEqual(ordered);
  });

  it.each([
    ['symbols', { symbols: ['ETHUSDT'] }, (n: number) => n % 2 === 1],
    ['a time span, its end excluded', { since: START + 100_000, until: START + 200_000 }, (n: number) => n >= 100 && n < 200],
    ['another exchange', { exchanges: ['bitget'] }, () => false],
    ['a market', { markets: ['linear' as const] }, () => true],
    ['other types', { types: ['ticker' as const] }, () => false],
  ])('gives what is selected: %s', async (_, selection: StoreSelection, isWanted) => {
    const directory = await temporaryDirectory();
    await writeRun(directory, trades(0, 300));
    const writer = await openStoreWriter(directory, { step: 'test' });
    await writer.write(trades(300, 400));
    const expected = trades(0, 400).filter((_, n) => isWanted(n));
    expect(await readAll(directory, selection)).toEqual(expected);
    const views = await listViews(directory, selection);
    expect(views.map(({ records }) => records)).toEqual(expected.length > 0 ? [expected.length] : []);
    await writer.close();
  });

  it('opens only the files of the days and symbols asked for', async () => {
    const directory = await temporaryDirectory();
    for (let day = 0; day < 4; day++) {
      const shifted = (fields: object) =>
        trades(0, 20, fields).map((trade) => ({ ...trade, timestamp: trade.timestamp + day * DAY }));
      await writeRun(directory, shifted({ symbol: 'BTCUSDT' }));
      await writeRun(directory, shifted({ symbol: 'XRPUSDT', exchange: 'bitget' }));
    }
    const filesOf = async (selection: object) => {
      const snapshot = await openSnapshot(directory, { types: ['trade'], ...selection });
      await snapshot.close();
      return snapshot.files.length;
    };
    expect(await filesOf({})).toBe(8);
    expect(await filesOf({ since: START + DAY, until: START + DAY + 5_000 })).toBe(2);
    expect(await filesOf({ since: START + DAY, until: START + DAY + 5_000, symbols: ['XRPUSDT'] })).toBe(1);
    expect(await filesOf({ exchanges: ['bybit'] })).toBe(4);
  });
});

describe('listViews', () => {
  it('tells counts and time ranges, those of candles by interval and source', async () => {
    const directory = await temporaryDirectory();
    const candle = {
      type: 'candle',
      exchange: 'bybit',
      market: 'spot',
      symbol: 'X',
      timestamp: START,
      volume: 1,
      closed: true,
    } as const;
    await writeRun(directory, [
      ...trades(0, 10),
      { ...candle, interval: '1m', source: 'trades' as const },
      { ...candle, interval: '1m', source: 'exchange' as const },
      { ...candle, interval: '5m', source: 'trades' as const, timestamp: START + 1 },
    ]);
    expect(await listViews(directory)).toEqual([
      { view: 'trade', records: 10, first: START, last: START + 9000 },
      { view: 'candle', records: 3, first: START, last: START + 1 },
      { view: 'candle_1m', records: 1, first: START, last: START },
      { view: 'candle_5m', records: 1, first: START + 1, last: START + 1 },
      { view: 'candle_exchange_1m', records: 1, first: START, last: START },
    ]);
  });

  it('tells nothing of an empty store', async () => expect(await listViews(await temporaryDirectory())).toEqual([]));
});
