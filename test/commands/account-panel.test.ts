import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type AccountView, renderPanel } from '../../src/commands/account/panel.js';

const VIEW: AccountView = {
  title: 'Bitget default   DEMO   unified (v3)',
  isLive: true,
  totals: { equity: '10003.1', unrealised: '-2.6', marginRatio: '0.042' },
  balances: [
    {
      asset: 'USDT',
      total: '10000.5',
      available: '9000.5',
      equity: '10003.1',
      unrealised: '2.6',
      marginUsed: '13.5',
      borrowed: '0',
    },
    { asset: 'BGB', total: '0.0012345678' },
  ],
  positions: [
    {
      market: 'linear',
      symbol: 'BTCUSDT',
      positionMode: 'one_way',
      positionSide: 'long',
      amount: '0.01',
      average: '27001.123456789',
      mark: '27100',
      leverage: '20',
      marginMode: 'isolated',
      margin: '13.5',
      unrealised: '0.99',
      realised: '-0.12',
      liquidation: '25790.1',
    },
    {
      market: 'linear',
      symbol: '1000PEPEUSDT',
      positionMode: 'one_way',
      positionSide: 'short',
      amount: '120000',
      average: '0.0000123',
      unrealised: '-3',
    },
  ],
  orders: [
    {
      market: 'linear',
      symbol: 'ETHUSDT',
      orderId: '1391234567890123456',
      clientId: 'm-7f3k2q-a1b-3-L07-1',
      side: 'buy',
      kind: 'limit',
      reduceOnly: true,
      price: '2970',
      amount: '0.5',
      filled: '0.1',
      status: 'partial',
      cause: 'order',
      updated: 1,
    },
  ],
  prices: new Map([['ETHUSDT', 3000]]),
  events: ['2026-11-28T12:00:00.000Z the private connection is back; the account was read again'],
};
const mark = (name: string) => (text: string) => `\u001b[${name}m${text}\u001b[0m`;
const colors = { heading: mark('1'), faint: mark('2'), good: mark('32'), bad: mark('31') };
const panel = (width: number, view = VIEW) => renderPanel([view], { width, colors });
const plain = (width: number, view = VIEW) => stripVTControlCharacters(panel(width, view));

describe('the panel of an account', () => {
  it('at 80 columns', () => {
    expect(plain(80)).toBe(
      `Bitget default   DEMO   unified (v3)
live   equity 10,003.10 USD   P&L -2.60   margin ratio 4.2%
balance       total  available     equity   P&L
USDT      10,000.50   9,000.50  10,003.10  2.60
BGB      0.00123457
position              size        entry    mark    P&L      liq.  away  mode
BTCUSDT long          0.01  27,001.1235  27,100   0.99  25,790.1  4.8%  iso 20x
1000PEPEUSDT short  120000    0.0000123          -3.00
order    side  price  size  filled    away  kind
ETHUSDT  buy   2,970   0.5     0.1  -1.00%  limit reduce
2026-11-28T12:00:00.000Z the private connection is back; the account was read a…`,
    );
  });

  it('at 120 columns it adds margins, realised profit and ids', () => {
    const text = plain(120);
    expect(text).toContain('margin  borrowed');
    expect(text).toMatch(/iso 20x +13\.50 +-0\.12/);
    expect(text).toContain('limit reduce  m-7f3k2q-a1b-3-L07-1');
  });

  it.each([40, 60, 80, 100, 120, 200])('is at most %d wide', (width) => {
    expect(
      Math.max(
        ...plain(width)
          .split('\n')
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(width);
  });

  it('colours profit and danger', () => {
    const text = panel(80);
    expect(text).toMatch(/[[]32m *0\.99/);
    expect(text).toMatch(/[[]31m *-3\.00/);
    expect(text).toMatch(/[[]31m *4\.8%/);
    expect(panel(80, { ...VIEW, isLive: false })).toContain('\u001b[31mnot connected');
    expect(panel(80, { ...VIEW, totals: { marginRatio: '0.8' } })).toContain('\u001b[31mmargin ratio 80.0%');
  });

  it('says when there is nothing', () => {
    expect(plain(80, { ...VIEW, positions: [], orders: [] })).toContain('no positions, no open orders');
  });
});
