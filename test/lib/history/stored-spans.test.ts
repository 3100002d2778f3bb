import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { exchangeOf } from '../../../src/lib/exchanges/index.js';
import { recordFetched } from '../../../src/lib/history/fetched-spans.js';
import { readStoredKeys } from '../../../src/lib/history/stored-keys.js';
import { readStoredSpans } from '../../../src/lib/history/stored-spans.js';
import type { Topic } from '../../../src/lib/history/topic.js';
import type { AnyRecord, Gap } from '../../../src/lib/model/records.js';
import { DAY, HOUR, MINUTE, SECOND } from '../../../src/lib/model/time.js';
import { openStoreWriter } from '../../../src/lib/storage/store-writer.js';

const directory = mkdtempSync(join(tmpdir(), 'stored-spans-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const NOON = Date.UTC(2026, 10, 20, 12) * 1_000;
const exchange = exchangeOf('bitget');
const topic = (type: Topic['type'], symbol = 'BTCUSDT', interval?: string): Topic => ({
  exchange,
  market: 'linear',
  symbol,
  type,
  interval,
});
const identity = (symbol: string, timestamp: number, captured = true) => {
  return { exchange: 'bitget', market: 'linear' as const, symbol, timestamp, ...(captured && { localTimestamp: timestamp + 7 }) };
};
let ids = 0;
const trade = (symbol: string, timestamp: number, captured = true): AnyRecord => {
  return { type: 'trade', ...identity(symbol, timestamp, captured), id: String(++ids), price: 1, amount: 1, side: 'buy' };
};
const gap = (from: number, until: number, missing: boolean, at = until): Gap => {
  const about = {
    channel: 'trade',
    fromTimestamp: from,
    untilTimestamp: until,
    reason: 'disconnect',
    repaired: 0,
    missing,
  } as const;
  return { type: 'gap', ...identity('BTCUSDT', until), localTimestamp: at, ...about };
};
const candle = (timestamp: number, closed = true): AnyRecord => {
  const prices = { open: 1, high: 1, low: 1, close: 1, volume: 1 };
  return { type: 'candle', ...identity('BTCUSDT', timestamp, false), interval: '1m', ...prices, source: 'exchange', closed };
};

describe('what a store has', () => {
  const store = join(directory, 'store');
  const write = async (records: readonly AnyRecord[]) => {
    const writer = await openStoreWriter(store, { step: 'test' });
    await writer.write(records);
    await writer.close();
  };

  it('is what was captured but for gaps and idle times, every closed bar, and what was fetched', async () => {
    // BTC trades every minute for two hours, stands still for one, and goes on; ETH trades now and then meanwhile.
    const minutes = (from: number, count: number) => Array.from({ length: count }, (_, at) => from + at * MINUTE);
    const morning = minutes(NOON, 121);
    const evening = minutes(NOON + 3 * HOUR, 61);
    const funding: AnyRecord[] = [0, 2].map((hour) => ({
      type: 'funding',
      ...identity('BTCUSDT', NOON + hour * HOUR),
      rate: 0.0001,
    }));
    await write([
      ...[...morning, ...evening].map((at) => trade('BTCUSDT', at)),
      trade('ETHUSDT', NOON + 10 * MINUTE),
      trade('ETHUSDT', NOON + 110 * MINUTE),
      trade('BTCUSDT', NOON - DAY, false),
      gap(NOON + 20 * MINUTE, NOON + 30 * MINUTE, true),
      gap(NOON + 40 * MINUTE, NOON + 50 * MINUTE, true),
      gap(NOON + 39 * MINUTE, NOON + 51 * MINUTE, false, NOON + HOUR),
      ...funding,
      ...[0, 1, 2, 5, 6].map((at) => candle(NOON + at * MINUTE)),
      candle(NOON + 7 * MINUTE, false),
    ]);
    const topics = [topic('trade'), topic('trade', 'ETHUSDT'), topic('candle', 'BTCUSDT', '1m'), topic('funding')];
    await recordFetched(store, [{ topic: topic('trade', 'ETHUSDT'), spans: [{ from: NOON - HOUR, until: NOON }] }]);
    await recordFetched(store, [{ topic: topic('trade', 'ETHUSDT'), spans: [{ from: NOON, until: NOON + MINUTE }] }]);
    const stored = await readStoredSpans(store, topics);
    expect(stored.known(topic('trade'))).toEqual([
      { from: NOON, until: NOON + 20 * MINUTE },
      { from: NOON + 30 * MINUTE, until: NOON + 2 * HOUR },
      { from: NOON + 3 * HOUR, until: NOON + 4 * HOUR },
    ]);
    expect(stored.gaps(topic('trade'))).toMatchObject([{ fromTimestamp: NOON + 20 * MINUTE, missing: true }]);
    expect(stored.known(topic('trade', 'ETHUSDT'))).toEqual([
      { from: NOON - HOUR, until: NOON + MINUTE },
      { from: NOON + 10 * MINUTE, until: NOON + 110 * MINUTE },
    ]);
    expect(stored.known(topic('candle', 'BTCUSDT', '1m'))).toEqual([
      { from: NOON, until: NOON + 3 * MINUTE },
      { from: NOON + 5 * MINUTE, until: NOON + 7 * MINUTE },
    ]);
    // The rate that a ticker shows is not the one that is paid.
    expect(stored.known(topic('funding'))).toEqual([]);
    expect([stored.first(topic('trade')), stored.first(topic('trade', 'XRPUSDT'))]).toEqual([NOON, undefined]);
  });

  it('is told by key: ids of trades, times of closed bars', async () => {
    const keys = (of: Topic, from: number, until: number) => readStoredKeys(store, of, { from, until });
    const trades = await keys(topic('trade'), NOON, NOON + 2 * MINUTE);
    expect([...trades.values()]).toEqual([NOON, NOON + MINUTE]);
    expect([...(await keys(topic('candle', 'BTCUSDT', '1m'), NOON, NOON + HOUR)).keys()].sort()).toEqual(
      [0, 1, 2, 5, 6].map((at) => NOON + at * MINUTE),
    );
    expect((await keys(topic('funding'), NOON, NOON + DAY)).size).toBe(0);
    expect((await keys(topic('trade', 'XRPUSDT'), NOON, NOON + DAY)).size).toBe(0);
  });

  it('knows who captures into it now', async () => {
    const claims = [{ exchange: 'bitget', market: 'linear', channel: 'trade', symbols: ['BTCUSDT'] }];
    const writer = await openStoreWriter(store, { step: 'stream', claims });
    const during = await readStoredSpans(store, [topic('trade')]);
    expect([
      during.isCaptured(topic('trade')),
      during.isCaptured(topic('trade', 'ETHUSDT')),
      during.isCaptured(topic('candle', 'BTCUSDT', '1m')),
    ]).toEqual([true, false, false]);
    await writer.close();
    expect((await readStoredSpans(store, [topic('trade')])).isCaptured(topic('trade'))).toBe(false);
  });

  it('is nothing where there is no store', async () => {
    const stored = await readStoredSpans(join(directory, 'none'), [topic('trade')]);
    expect([stored.known(topic('trade')), stored.gaps(topic('trade')), stored.isCaptured(topic('trade'))]).toEqual([
      [],
      [],
      false,
    ]);
    expect((await readStoredKeys(join(directory, 'none'), topic('trade'), { from: NOON, until: NOON + SECOND })).size).toBe(0);
  });
});
