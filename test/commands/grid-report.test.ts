import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillRecords, laddersOf, moneyOf } from '../../src/commands/grid/report/account.js';
import type { FillRow } from '../../src/lib/execution/messages.js';
import { initialState, type OwnOrder, type RunConfig } from '../../src/lib/execution/state.js';
import { createRunStore } from '../../src/lib/execution/store/sqlite-store.js';
import type { Trade } from '../../src/lib/model/records.js';
import { openStoreDirectory } from '../../src/lib/storage/files/store-directory.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { type ExchangeServer, startExchangeServer } from '../support/exchange-server/index.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-grid-report-'));
let server: ExchangeServer;
beforeAll(async () => {
  const history = { trades: 4_000, duration: 3_600_000 };
  server = await startExchangeServer('bybit', {
    clock: 'manual',
    start: START / 1_000 + 600_000,
    symbols: { linear: 3 },
    history,
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

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

function tradeAt(second: number, price: number): Trade {
  const timestamp = START + second * SECOND;
  const base = { type: 'trade', exchange: 'bybit', market: 'linear', symbol: 'ETHUSDT', side: 'buy' } as const;
  return { ...base, id: `m${second}`, price, amount: 1, timestamp, localTimestamp: timestamp };
}

/** A store with a run that has made these fills; `report` writes its page. */
async function reportOf(name: string, fills: readonly FillRow[]) {
  const store = join(folder, name);
  await openStoreDirectory(store);
  const journal = await createRunStore(join(store, 'state', 'runs', name), { ...CONFIG, name });
  const state = { ...initialState({ tick: '0.01', lot: '0.01' }, 0), starts: ['aaa'] };
  const orders = LEVELS.map((one) => ({ ...one, clientId: `l${one.number}` }));
  const unique = fills.map((fill, index) => ({ ...fill, tradeId: `t${index}` }));
  journal.commit({ state, intents: [], orders, fills: unique, outbox: [] });
  journal.close();
  const at = ['grid', 'report', name, '--html', join(folder, `${name}.html`), '--store', store];
  return { store, report: () => mdtoolHere(at, { env: server.environment }) };
}

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

  it('is written beside the backtest of the same hours, from trades of the store', async () => {
    const { store, report } = await reportOf('eth', ROWS);
    const trades = [100, 100, 95, 95, 99.45, 102, 102].map((price, index) => tradeAt(index, price));
    const writer = await openStoreWriter(store, { step: 'test' });
    await writer.write(trades);
    await writer.close();
    const written = await report();
    expect([written.code, written.stderr]).toEqual([0, expect.stringMatching(/3 fills of the run, \d+ of its backtest/)]);
    const page = await readFile(join(folder, 'eth.html'), 'utf8');
    expect(page).toMatch(/<td>fills<\/td><td>3<\/td><td>\d+<\/td>/);
    expect(page).toMatch(/<td>realised after fees<\/td><td>3.6000<\/td>/);
    expect(page).toMatch(/the backtest ran over trades of /);
    const again = await report();
    expect(again.code).toBe(2);
  });

  it('of hours that the store does not cover is made from candles of the exchange', async () => {
    const late = ROWS.map((fill, index) => ({ ...fill, timestamp: START + index * 240 * SECOND }));
    const { store, report } = await reportOf('far', late);
    // Its trades end long before the run does.
    const writer = await openStoreWriter(store, { step: 'test' });
    await writer.write([tradeAt(0, 100), tradeAt(1, 101)]);
    await writer.close();
    const written = await report();
    expect([written.code, written.stderr]).toEqual([0, expect.stringMatching(/3 fills of the run, \d+ of its backtest/)]);
    const page = await readFile(join(folder, 'far.html'), 'utf8');
    expect(page).toMatch(/the backtest ran over candles of a minute, fetched from bybit/);
    expect(page).not.toMatch(/is not whole/);
  });

  it('of hours that nobody has is refused, and of hours with a hole says so', async () => {
    const old = ROWS.map((fill) => ({ ...fill, timestamp: fill.timestamp - 90_000 * SECOND }));
    const { report } = await reportOf('old', old);
    const without = await report();
    expect([without.code, without.stderr]).toEqual([
      2,
      expect.stringMatching(
        /no trades and no candles of ETHUSDT in the hours of the run \(the exchange has none\): mdtool backfill /,
      ),
    ]);
    const torn = await reportOf('torn', [...old, ...ROWS]);
    const written = await torn.report();
    expect([written.code, written.stderr]).toEqual([0, expect.stringMatching(/not whole: it begins at 2025-/)]);
    expect(await readFile(join(folder, 'torn.html'), 'utf8')).toMatch(/<p>The market of these hours is not whole: it begins at/);
  });
});
