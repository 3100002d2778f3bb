import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fillRecords, laddersOf, moneyOf } from '../../src/commands/grid/report/account.js';
import type { FillRow } from '../../src/lib/execution/messages.js';
import { initialState, type OwnOrder, type RunConfig } from '../../src/lib/execution/state.js';
import { createRunStore } from '../../src/lib/execution/store/sqlite-store.js';
import type { Trade } from '../../src/lib/model/records.js';
import { openStoreDirectory } from '../../src/lib/storage/files/store-directory.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-grid-report-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const START = 1_764_000_000_000_000;
const SECOND = 1_000_000;
const CONFIG = {
  ...{ name: 'eth', id: 'abc123', exchange: 'bybit', market: 'linear', symbol: 'ETHUSDT', settle: 'USDT', mode: 'paper' },
  ...{ side: 'long', leverage: '5', marginMode: 'isolated', deposit: '100', restart: 60_000, limits: {} },
  settings: { side: 'long', leverage: '5', levels: 3, coverage: '0.1', multiplier: '1', takeProfit: '0.02', sizing: 'full' },
} as unknown as RunConfig;

function row(second: number, role: string, side: 'buy' | 'sell', price: string, amount: string): FillRow {
  const fees = [{ asset: 'USDT', amount: '0.1' }];
  const ids = { market: 'linear', tradeId: `t${second}`, orderId: `o${second}`, clientId: `m-abc123-aaa-1-${role}-0` };
  return { ...ids, side, price, amount, fees, cause: 'order', timestamp: START + second * SECOND };
}

const ROWS = [row(1, 'E', 'buy', '100', '1'), row(3, 'L01', 'buy', '95', '1'), row(5, 'T0001', 'sell', '99.45', '2')];
const LEVELS = [1, 2].map((number) => ({ cycle: 1, role: 'level', number, price: String(100 - 5 * number) }) as OwnOrder);

describe('the report of a run', () => {
  it('has fills by what they were for, equity at each candle, and the ladder of each cycle', () => {
    const fills = fillRecords(ROWS, CONFIG);
    expect(fills.map(({ reason, fee }) => [reason, fee])).toEqual([
      ['entry', 0.1],
      ['level', 0.1],
      ['take_profit', 0.1],
    ]);
    const closes = [2, 4, 6].map((second, index) => ({ time: START + second * SECOND, close: [100, 96, 99][index] as number }));
    const { equity, realised, fees } = moneyOf(fills, [0.1, 0.1, 0.1], closes, CONFIG);
    expect(equity.map((point) => Number(point.equity.toFixed(6)))).toEqual([99.9, 96.8, 103.6]);
    expect([Number(realised.toFixed(6)), Number(fees.toFixed(6))]).toEqual([3.9, 0.3]);
    expect(laddersOf(LEVELS, ROWS)).toEqual([{ from: START + SECOND, until: Number.POSITIVE_INFINITY, prices: [95, 90] }]);
  });

  it('is written beside the backtest of the same hours; without their market it is refused', async () => {
    const store = join(folder, 'store');
    await openStoreDirectory(store);
    const journal = await createRunStore(join(store, 'state', 'runs', 'eth'), CONFIG);
    const state = { ...initialState({ tick: '0.01', lot: '0.01' }, 0), starts: ['aaa'] };
    journal.commit({
      state,
      intents: [],
      orders: LEVELS.map((one) => ({ ...one, clientId: `l${one.number}` })),
      fills: ROWS,
      outbox: [],
    });
    journal.close();
    const at = ['grid', 'report', 'eth', '--html', join(folder, 'eth.html'), '--store', store];
    const without = await mdtoolHere(at);
    expect([without.code, without.stderr]).toEqual([2, expect.stringMatching(/no trades and no candles of ETHUSDT/)]);
    const trades = [100, 100, 95, 95, 99.45, 102, 102].map((price, index): Trade => {
      const timestamp = START + index * SECOND;
      const base = { type: 'trade', exchange: 'bybit', market: 'linear', symbol: 'ETHUSDT', side: 'buy' } as const;
      return { ...base, id: `m${index}`, price, amount: 1, timestamp, localTimestamp: timestamp };
    });
    const writer = await openStoreWriter(store, { step: 'test' });
    await writer.write(trades);
    await writer.close();
    const written = await mdtoolHere(at);
    expect([written.code, written.stderr]).toEqual([0, expect.stringMatching(/3 fills of the run, \d+ of its backtest/)]);
    const page = await readFile(join(folder, 'eth.html'), 'utf8');
    expect(page).toMatch(/<td>fills<\/td><td>3<\/td><td>\d+<\/td>/);
    expect(page).toMatch(/<td>realised after fees<\/td><td>3.6000<\/td>/);
    const again = await mdtoolHere(at);
    expect(again.code).toBe(2);
  });
});
