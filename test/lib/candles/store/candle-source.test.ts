import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { candlesOfFiles, candlesOfStore } from '../../../../src/lib/candles/store/candle-source.js';
import { createParquetSink } from '../../../../src/lib/cli/output/database-sink.js';
import { bybit } from '../../../../src/lib/exchanges/bybit/index.js';
import { storedTerms } from '../../../../src/lib/instruments/stored-terms.js';
import { encodeRecord } from '../../../../src/lib/model/ndjson.js';
import type { AnyRecord, Candle, Instrument, Trade } from '../../../../src/lib/model/records.js';
import { createFileSink } from '../../../../src/lib/sinks/file.js';
import { openStoreWriter } from '../../../../src/lib/storage/store-writer.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-candles-'));
afterAll(() => rmSync(folder, { recursive: true }));

const START = 1_795_000_020_000_000;
const MINUTE = 60_000_000;

function candle(minute: number, change: Partial<Candle> = {}): Candle {
  const identity = { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT', timestamp: START + minute * MINUTE } as const;
  const prices = { open: 100, high: 101 + minute, low: 99, close: 100 + minute, volume: 1 };
  return { type: 'candle', ...identity, interval: '1m', ...prices, source: 'trades', closed: true, ...change };
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function store(name: string, records: readonly AnyRecord[]): Promise<string> {
  const directory = join(folder, name);
  const writer = await openStoreWriter(directory, { step: 'test' });
  await writer.write(records);
  await writer.close();
  return directory;
}

describe('candles of files', () => {
  const other = candle(1, { symbol: 'ETHUSDT' });
  const path = join(folder, 'a.ndjson.gz');
  const lines = [candle(0), other, candle(3, { interval: '5m' }), candle(3)].map(encodeRecord);
  writeFileSync(path, gzipSync(`${lines.join('\n')}\n{"type":"candle"}\n\nnonsense\n`));

  it('are those that were chosen; lines that are no records are told', async () => {
    const broken: string[] = [];
    const selection = { symbol: 'BTCUSDT', intervals: ['1m'], since: START, until: START + 3 * MINUTE };
    expect(await all(candlesOfFiles([path], selection, (reason) => broken.push(reason)))).toEqual([candle(0)]);
    expect(broken).toEqual([
      expect.stringMatching(/a\.ndjson\.gz:5: candle\.\w+ is missing/),
      expect.stringMatching(/:7: expected/),
    ]);
    expect(await all(candlesOfFiles([join(folder, '*.gz')], {}, () => {}))).toHaveLength(4);
  });

  it('are the same of NDJSON, CSV and Parquet', async () => {
    for (const format of ['csv', 'parquet']) {
      const other = join(folder, `a.${format}`);
      const sink =
        format === 'csv'
          ? await createFileSink({ path: other, format, force: false, type: 'candle' })
          : await createParquetSink({ path: other, force: false });
      await sink.write([candle(0), candle(3)]);
      await sink.close();
      expect(await all(candlesOfFiles([other], {}, () => {}))).toEqual([candle(0), candle(3)]);
    }
  });

  it('are refused from other kinds of files, and from none', async () => {
    await expect(all(candlesOfFiles(['a.txt'], {}, () => {}))).rejects.toThrow(/a\.txt: expected \.ndjson, .*\.csv/);
    await expect(all(candlesOfFiles([join(folder, 'no.ndjson')], {}, () => {}))).rejects.toThrow(/no such file/);
  });
});

describe('candles of a store', () => {
  it('are those built from trades, or else those of the exchange', async () => {
    const pushed = candle(0, { source: 'exchange' });
    const both = await store('both', [pushed, candle(0), candle(1)]);
    expect(await all(candlesOfStore(both, { symbol: 'BTCUSDT' }))).toEqual([candle(0), candle(1)]);
    const one = await store('one', [pushed]);
    expect(await all(candlesOfStore(one, { exchange: 'bybit', market: 'linear' }))).toEqual([pushed]);
    expect(await all(candlesOfStore(join(folder, 'none'), {}))).toEqual([]);
  });
});

describe('terms of a store', () => {
  const NOW = START + MINUTE;
  const instrument = {
    type: 'instrument',
    exchange: 'bybit',
    market: 'linear',
    symbol: 'BTCUSDT',
    timestamp: START - 1000 * MINUTE,
    base: 'BTC',
    quote: 'USDT',
    settle: 'USDT',
    kind: 'perpetual',
    status: 'trading',
    tickSize: 0.1,
    amountUnit: 'base',
    canonical: 'bybit:linear:BTCUSDT',
    ccxt: 'BTC/USDT:USDT',
  } as const satisfies Instrument;
  const trade: Trade = {
    type: 'trade',
    exchange: 'bybit',
    market: 'linear',
    symbol: 'BTCUSDT',
    timestamp: NOW - 30_000_000,
    localTimestamp: NOW - 29_000_000,
    id: '1',
    price: 90_000.1,
    amount: 1,
    side: 'buy',
  };
  const query = { exchange: bybit, market: 'linear', symbol: 'BTC/USDT:USDT', wants: { tiers: false, lastPrice: true } } as const;

  it('are the latest instrument and a price younger than 60 s, with its age', async () => {
    const older = { ...instrument, tickSize: 0.5, timestamp: instrument.timestamp - 2 * 86_400_000_000 };
    const directory = await store('terms', [
      older,
      instrument,
      { ...trade, id: '0', price: 1, timestamp: trade.timestamp - 1 },
      trade,
    ]);
    const terms = await storedTerms(query, directory, NOW);
    expect(terms?.instrument.tickSize).toBe(0.1);
    expect(terms?.lastPrice).toEqual({ price: 90_000.1, ageSeconds: 30 });
    expect(terms?.notes.join()).toMatch(/using stored terms of BTCUSDT of 2026-/);
  });

  it('are not there when the price is older, when tiers are wanted, or without a store', async () => {
    const directory = await store('old', [instrument, trade]);
    expect(await storedTerms(query, directory, NOW + 31_000_000)).toBeUndefined();
    expect(await storedTerms({ ...query, wants: { tiers: false, lastPrice: false } }, directory, NOW + 31_000_000)).toBeDefined();
    expect(await storedTerms({ ...query, wants: { tiers: true, lastPrice: true } }, directory, NOW)).toBeUndefined();
    expect(await storedTerms(query, join(folder, 'nowhere'), NOW)).toBeUndefined();
  });
});
