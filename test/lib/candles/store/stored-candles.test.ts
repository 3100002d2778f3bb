import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CandleOptions } from '../../../../src/lib/candles/options.js';
import { candlesOfStore } from '../../../../src/lib/candles/store/candle-step.js';
import { type BuiltDay, buildStoredCandles } from '../../../../src/lib/candles/store/stored-candles.js';
import { parseIntervals } from '../../../../src/lib/model/interval.js';
import type { AnyRecord, Candle, Gap, Trade } from '../../../../src/lib/model/records.js';
import { DAY, MINUTE, SECOND } from '../../../../src/lib/model/time.js';
import { withDatabase } from '../../../../src/lib/storage/database/duckdb.js';
import { startStep } from '../../../../src/lib/storage/journal/step-lock.js';
import { readStore } from '../../../../src/lib/storage/reading/store-reader.js';
import { openStoreWriter } from '../../../../src/lib/storage/store-writer.js';
import { plainCandles } from '../../../support/plain-candles.js';
import { gapRecord, tradeRecord } from '../../../support/records.js';

const START = Date.parse('2026-11-18T22:00:00Z') * 1000;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mdtool-candles-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function settings(fields: Partial<CandleOptions> = {}, of = ['1m']): CandleOptions {
  const rest = {
    open: 'first-trade',
    empty: 'skip',
    grace: SECOND,
    source: 'trades',
    amountUnit: () => 'base' as const,
  } as const;
  return { intervals: parseIntervals(of), ...rest, ...fields };
}

let ids = 0;
/** A trade some minutes after the start, received at once. */
function trade(minutes: number, price: number, fields: Partial<Trade> = {}): Trade {
  const timestamp = START + Math.round(minutes * MINUTE);
  return tradeRecord({ timestamp, localTimestamp: timestamp + 1, price, id: `id-${ids++}`, ...fields });
}

async function store(records: readonly AnyRecord[]): Promise<void> {
  const writer = await openStoreWriter(directory, { step: 'test' });
  await writer.write(records);
  await writer.close();
}

async function build(options: CandleOptions): Promise<BuiltDay[]> {
  const step = await startStep(directory, 'candles', { wait: false });
  if (!step) throw new Error('already running');
  const days: BuiltDay[] = [];
  try {
    for await (const day of buildStoredCandles(step.context, { candles: options })) days.push(day);
  } finally {
    await step.release();
  }
  return days;
}

async function stored<Type extends 'candle' | 'trade' | 'gap'>(type: Type): Promise<Extract<AnyRecord, { type: Type }>[]> {
  const records: AnyRecord[] = [];
  for await (const batch of readStore(directory, { types: [type] })) records.push(...batch);
  return records as Extract<AnyRecord, { type: Type }>[];
}

const plain = (candles: readonly Candle[]) =>
  JSON.parse(
    JSON.stringify(
      [...candles].sort((a, b) => (a.interval < b.interval ? -1 : a.interval > b.interval ? 1 : a.timestamp - b.timestamp)),
    ),
  );

/** The stored candles are those of all stored trades, computed the plain way. */
async function expectWhole(options: CandleOptions): Promise<Candle[]> {
  const trades = await stored('trade');
  const now = Math.max(...trades.map(({ localTimestamp, timestamp }) => localTimestamp ?? timestamp));
  const openGaps = (await stored('gap')).filter(({ missing }) => missing);
  const candles = await stored('candle');
  expect(plain(candles)).toEqual(plain(plainCandles(trades, openGaps, now, options)));
  return candles;
}

describe('candles of a store', () => {
  it('are those of its trades, in every interval', async () => {
    await store([0, 0, 1, 59.9, 60, 121, 180.5, 26 * 60, 9 * 24 * 60].map((minutes, index) => trade(minutes, 100 + index)));
    const options = settings({}, ['1s', '1m', '7m', '4h', '1d', '1w']);
    await build(options);
    expect(await expectWhole(options)).toHaveLength(33);
  });

  it('lie in files sorted by symbol and time, whatever order they are computed in', async () => {
    const symbols = ['SOLUSDT', 'BTCUSDT', 'ETHUSDT'];
    const trades = Array.from({ length: 900 }, (_, index) =>
      trade((index * 37) % 110, 100, { symbol: symbols[index % 3] as string }),
    );
    await store([...trades, trade(3_000, 1)]);
    await build(settings({}, ['1s']));
    const path = join(directory, 'candle/source=trades/interval=1s/exchange=bybit/market=linear/date=2026-11-18/*.parquet');
    await withDatabase({}, async (database) => {
      const rows = await database.rows(
        `SELECT symbol, epoch_us(timestamp)::DOUBLE AS time FROM read_parquet('${path}', file_row_number = true) ORDER BY file_row_number`,
      );
      const keys = rows.map(({ symbol, time }) => `${symbol} ${time}`);
      expect(keys.length).toBeGreaterThan(300);
      expect(keys).toEqual([...keys].sort());
    });
  });

  it('do not change when nothing is new', async () => {
    await store([trade(0, 10), trade(1, 11), trade(200, 12)]);
    expect((await build(settings())).map(({ changed }) => changed)).toEqual([true, true]);
    const again = await build(settings());
    expect(again.filter(({ changed }) => changed)).toEqual([]);
    // Only the hours that reach into an open candle are looked at again.
    expect(again.map(({ partition }) => partition.date)).toEqual(['2026-11-19']);
  });

  it('close when the clock goes on, although their hour has nothing new', async () => {
    await store([trade(0, 10)]);
    await build(settings());
    expect(await stored('candle')).toMatchObject([{ closed: false }]);
    await store([trade(90, 11)]);
    await build(settings());
    expect(await stored('candle')).toMatchObject([{ closed: true }, { closed: false }]);
  });

  it('take in late trades: only their hours are computed again', async () => {
    await store([trade(0, 10), trade(70, 11), trade(300, 12), trade(301, 12)]);
    await build(settings());
    await store([trade(70.5, 99, { localTimestamp: START + 400 * MINUTE })]);
    const days = await build(settings());
    expect(days.filter(({ changed }) => changed)).toMatchObject([
      { partition: { date: '2026-11-18' }, candles: 2 },
      // The arrival of the late trade closes the last candle.
      { partition: { date: '2026-11-19' }, candles: 2 },
    ]);
    await expectWhole(settings());
  });

  it('see what is not sealed yet', async () => {
    const writer = await openStoreWriter(directory, { step: 'stream' });
    try {
      await writer.write([trade(0, 10), trade(1, 11)]);
      await build(settings());
      await expectWhole(settings());
      await writer.write([trade(1.5, 15), trade(2, 12)]);
      await build(settings());
      await expectWhole(settings());
      expect((await build(settings())).filter(({ changed }) => changed)).toEqual([]);
    } finally {
      await writer.close();
    }
    await build(settings());
    await expectWhole(settings());
  });

  it('are incomplete where a gap remains, also in the hours before it became known', async () => {
    await store([trade(0, 10), trade(1, 11)]);
    await build(settings());
    const openGap: Gap = {
      ...gapRecord,
      fromTimestamp: START + MINUTE,
      untilTimestamp: START + 130 * MINUTE,
      timestamp: START + 130 * MINUTE,
      localTimestamp: START + 131 * MINUTE,
    };
    await store([openGap, trade(130, 12), trade(140, 13)]);
    await build(settings());
    expect((await expectWhole(settings())).map(({ complete }) => complete)).toEqual([true, false, true, true]);
  });

  it('of a repaired gap are those of the unbroken sequence', async () => {
    const all = Array.from({ length: 300 }, (_, index) => trade(index / 2, 100 + (index % 17)));
    const repaired = all.slice(100, 140).map((one) => ({ ...one, localTimestamp: START + 200 * MINUTE + one.timestamp - START }));
    await store([...all.slice(0, 100), ...all.slice(140)]);
    await build(settings({}, ['1m', '1h']));
    await store(repaired);
    await build(settings({}, ['1m', '1h']));
    await expectWhole(settings({}, ['1m', '1h']));
    const values = (await stored('candle')).map(({ localTimestamp, closed, ...rest }) => rest);
    const unbroken = plainCandles(all, [], START + DAY, settings({}, ['1m', '1h'])).map(
      ({ localTimestamp, closed, ...rest }) => rest,
    );
    expect(plain(values as Candle[])).toEqual(plain(unbroken as Candle[]));
  });

  it.each(['trades', 'exchange'] as const)('are made of shorter ones where there are no trades: source %s', async (source) => {
    const candle = (minute: number, from: typeof source): Candle => ({
      ...(plainCandles([trade(minute, 100 + minute)], [], START + DAY, settings())[0] as Candle),
      source: from,
    });
    const minutes = [0, 1, 3, 4, 5, 11];
    await store(minutes.flatMap((minute) => [candle(minute, 'trades'), { ...candle(minute, 'exchange'), high: 500 }]));
    const records: AnyRecord[] = [];
    for await (const batch of candlesOfStore(directory, {}, settings({ source }, ['5m'])).records) records.push(...batch);
    const high = (price: number) => (source === 'exchange' ? 500 : price);
    expect(records).toMatchObject([
      { timestamp: START, open: 100, close: 104, high: high(104), trades: 4, source, closed: true },
      { timestamp: START + 5 * MINUTE, open: 105, close: 105, high: high(105), trades: 1, source, closed: true },
      { timestamp: START + 10 * MINUTE, open: 111, high: high(111), trades: 1, source, closed: false },
    ]);
  });

  it('of different rules are not mixed', async () => {
    await store([trade(0, 10)]);
    await build(settings({ open: 'previous-close' }));
    await expect(build(settings())).rejects.toThrow(
      /--open first-trade: the 1m candles of this store are built with --open previous-close/,
    );
    await expect(build(settings({ open: 'previous-close', empty: 'flat' }))).rejects.toThrow(/--empty flat.*--empty skip/);
    await build(settings({}, ['5m']));
  });

  it('are built by one run at a time', async () => {
    const step = await startStep(directory, 'candles', { wait: false });
    expect(await startStep(directory, 'candles', { wait: false })).toBeUndefined();
    expect(await startStep(directory, 'features', { wait: false }).then((other) => other?.release().then(() => true))).toBe(true);
    const waiting = startStep(directory, 'candles', { wait: true });
    await step?.release();
    await (await waiting)?.release();
  });

  const rules = [
    { open: 'first-trade', empty: 'skip', seed: 11 },
    { open: 'previous-close', empty: 'skip', seed: 12 },
    { open: 'first-trade', empty: 'flat', seed: 13 },
    { open: 'previous-close', empty: 'null', seed: 14 },
  ] as const;

  it.each(rules)('follow from one call to the next: open $open, empty $empty', async ({ seed, ...rule }) => {
    const integer = (min: number, max: number) => fc.integer({ min, max });
    const drawn = fc.record({ minutes: integer(0, 1_500), price: integer(100, 120), part: integer(0, 2) });
    const [draws = []] = fc.sample(fc.array(drawn, { minLength: 40, maxLength: 80 }), { seed, numRuns: 1 });
    const last = trade(1_600, 1, { localTimestamp: START + 1_600 * MINUTE });
    for (const part of [0, 1, 2]) {
      const trades = draws.filter((draw) => draw.part === part).map(({ minutes, price }) => trade(minutes, price));
      await store(part === 0 ? [...trades, last] : trades);
      await build(settings(rule, ['15m', '2d']));
      await expectWhole(settings(rule, ['15m', '2d']));
    }
  });
});
