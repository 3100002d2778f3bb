import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { RestClient } from '../../../../src/lib/history/rest-client.js';
import type { Candle, Coverage, Trade } from '../../../../src/lib/model/records.js';
import { MINUTE, SECOND } from '../../../../src/lib/model/time.js';
import { verifyStore } from '../../../../src/lib/verify/store/verify-store.js';
import { START, tradeAt, writeRun } from '../../storage/support.js';

const root = mkdtempSync(join(tmpdir(), 'against-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const PRICES = [100, 103, 99, 101];

/** Four trades in each minute of an hour. */
const trades: Trade[] = Array.from({ length: 240 }, (_, n) => {
  const timestamp = START + n * 15 * SECOND;
  return tradeAt(n, {
    symbol: 'BTCUSDT',
    timestamp,
    localTimestamp: timestamp + 1,
    price: (PRICES[n % 4] as number) + Math.floor(n / 4),
    amount: 0.5,
  });
});

/** What the exchange would publish of them: opened at the close before. */
const candles: Candle[] = Array.from({ length: 60 }, (_, minute) => {
  const own = trades.slice(minute * 4, minute * 4 + 4).map(({ price }) => price);
  const open = minute === 0 ? (own[0] as number) : (trades[minute * 4 - 1]?.price as number);
  const timestamp = START + minute * MINUTE;
  const identity = {
    exchange: 'bybit',
    market: 'linear',
    symbol: 'BTCUSDT',
    timestamp,
    localTimestamp: timestamp + MINUTE,
  } as const;
  const prices = { open, high: Math.max(open, ...own), low: Math.min(open, ...own), close: own[3] as number };
  const turnover = own.reduce((sum, price) => sum + price * 0.5, 0);
  return { type: 'candle', ...identity, interval: '1m', ...prices, volume: 2, turnover, source: 'exchange', closed: true };
});

async function compared(name: string, stored: readonly Trade[], published: readonly Candle[]): Promise<Coverage> {
  const directory = join(root, name);
  await writeRun(directory, [...stored, ...published]);
  const fail = () => expect.unreachable('the store has candles: nothing is fetched');
  const against = {
    client: {} as RestClient,
    now: fail,
    amountUnit: () => 'base' as const,
    onUnreachable: fail,
    onRefused: fail,
  };
  const rows: Coverage[] = [];
  for await (const batch of verifyStore(directory, { selection: {}, types: ['trade'], against }, { file: fail }))
    rows.push(...batch);
  expect(rows).toHaveLength(1);
  return rows[0] as Coverage;
}

it('captured candles of the exchange are compared, but for the first and the last', async () => {
  expect(await compared('same', trades, candles)).toMatchObject({ compared: 58, mismatches: 0, verdict: 'whole' });
});

it('a changed price, a lost trade and a candle without trades are each told with their minute', async () => {
  const price = trades.map((trade, n) => (n === 41 ? { ...trade, price: 200 } : trade));
  const row = await compared('price', price, candles);
  expect(row).toMatchObject({ compared: 58, mismatches: 1, verdict: 'mismatch' });
  expect(row.detail).toBe('candle 1m of 2026-11-20T10:10:00.000Z: high 200 from trades, 113 at the exchange');
  const lost = await compared(
    'lost',
    trades.filter((_, n) => n !== 82),
    candles,
  );
  expect(lost.detail).toMatch(
    /^candle 1m of 2026-11-20T10:20:00.000Z: volume 1.5 from 3 trades, 2 at .* \(trades are missing\)$/,
  );
  const minute = await compared(
    'minute',
    trades.filter((_, n) => Math.floor(n / 4) !== 30),
    candles,
  );
  // The minute after it opens at the close that is not there.
  expect(minute).toMatchObject({ mismatches: 2, detail: expect.stringMatching(/10:30:00.000Z: volume 0 from 0 trades/) });
});

it('candles that are still open say nothing', async () => {
  const open = candles.map((candle, minute) => (minute === 20 ? { ...candle, closed: false, volume: 1 } : candle));
  expect(await compared('open', trades, open)).toMatchObject({ compared: 57, mismatches: 0 });
});
