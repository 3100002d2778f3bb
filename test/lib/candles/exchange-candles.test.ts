import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CandleAggregator } from '../../../src/lib/candles/aggregator.js';
import { parseIntervals } from '../../../src/lib/model/interval.js';
import type { AnyRecord, Candle, Trade } from '../../../src/lib/model/records.js';
import { MINUTE, SECOND } from '../../../src/lib/model/time.js';
import { replayed } from '../../support/replayed.js';

const FIXTURES = join(import.meta.dirname, '../../../fixtures');

/** The minute candle of exactly these trades that the exchange would publish: its open is the close before. */
function minuteOf(trades: readonly Trade[], previousClose: number, start: number, like: Candle): Candle | undefined {
  const aggregator = new CandleAggregator({
    intervals: parseIntervals(['1m']),
    open: 'previous-close',
    empty: 'flat',
    grace: SECOND,
    source: 'trades',
    amountUnit: () => 'base',
  });
  const { exchange, market, symbol } = like;
  const before: Trade = { ...BEFORE, exchange, market, symbol, timestamp: start - 1, price: previousClose };
  const input: AnyRecord[] = [before, ...trades, { type: 'clock', exchange, market, timestamp: start + MINUTE + SECOND }];
  const output = input.flatMap((record) => [...aggregator.add(record)]);
  expect(aggregator.counts.late).toBe(0);
  return output.find((record): record is Candle => record.type === 'candle' && record.timestamp === start);
}

const BEFORE = { type: 'trade', id: 'before', amount: 1, side: 'buy' } as const;

const pricesOf = ({ open, high, low, close }: Candle) => ({ open, high, low, close });

function expectSame(own: Candle | undefined, published: Candle): void {
  expect(own && pricesOf(own)).toEqual(pricesOf(published));
  expect(own?.volume).toBe(published.volume);
  // Bybit cuts the turnover after four decimals; the Bitget tape has none.
  if (published.turnover !== undefined) expect(Math.abs((own?.turnover ?? 0) - published.turnover)).toBeLessThan(1e-4);
}

describe('candles of the exchanges', () => {
  it('Bybit: every push on the tape equals the candle of the trades that it counts', async () => {
    const { of } = await replayed([join(FIXTURES, 'bybit-v5.tape.ndjson.gz')], 'bybit', ['trade', 'candle']);
    const trades = new Map(of('trade').map((trade) => [`${trade.market} ${trade.symbol} ${trade.id}`, trade]));
    const candles = of('candle');
    const rows = readFileSync(join(FIXTURES, 'bybit_v5_kline_vs_trades.ndjson'), 'utf8').trim().split('\n');
    let compared = 0;
    for (const { category, symbol, kline, trade_ids, all_match } of rows.map((row) => JSON.parse(row))) {
      const key = `${category} ${symbol}`;
      const start = kline.start * 1000;
      const own = candles.filter((candle) => `${candle.market} ${candle.symbol}` === key);
      const published = own.find((candle) => candle.timestamp === start && isOf(candle, kline)) as Candle;
      const before = own.find(({ timestamp, closed }) => closed && timestamp === start - MINUTE) as Candle;
      const ids = all_match
        ? trade_ids
        : countedIds(trade_ids, Number(kline.volume), (id) => trades.get(`${key} ${id}`)?.amount ?? 0);
      const counted = ids.map((id: string) => trades.get(`${key} ${id}`) as Trade);
      expectSame(minuteOf(counted, before.close as number, start, published), published);
      compared += 1;
    }
    expect(compared).toBe(43);
  });

  it('Bitget: every push of the minute that the tape began before equals the candle of the trades received until then', async () => {
    const { records } = await replayed([join(FIXTURES, 'bitget-v2.tape.ndjson.gz')], 'bitget', ['trade', 'candle']);
    const start = 1_649_290_080_000_000;
    const trades: Trade[] = [];
    const closes = new Map<string, number>();
    let compared = 0;
    for (const record of records) {
      if (record.type === 'trade' && record.timestamp >= start) trades.push(record);
      if (record.type !== 'candle') continue;
      const key = `${record.market} ${record.symbol}`;
      if (record.timestamp === start - MINUTE) closes.set(key, record.close as number);
      if (record.timestamp !== start) continue;
      const counted = trades.filter(({ market, symbol }) => `${market} ${symbol}` === key);
      expectSame(minuteOf(counted, closes.get(key) as number, start, record), record);
      compared += 1;
    }
    expect(compared).toBe(29);
  });
});

function isOf(candle: Candle, kline: { volume: string; close: string; turnover: string }): boolean {
  return candle.volume === Number(kline.volume) && candle.turnover === Number(kline.turnover);
}

/** Two pushes were computed before the last trades of their millisecond: those that make up the volume are counted. */
function countedIds(ids: readonly string[], volume: number, amountOf: (id: string) => number): readonly string[] {
  let sum = 0;
  const count = ids.findIndex((id) => {
    sum += amountOf(id);
    return Math.abs(sum - volume) < 1e-9;
  });
  expect(count).toBeGreaterThan(0);
  return ids.slice(0, count + 1);
}
