import { expect, it } from 'vitest';
import { buildTerms } from '../../../src/lib/backtest/terms.js';
import type { OrderIntent, PrivateFill, PrivateOrder } from '../../../src/lib/exchanges/private-side.js';
import { PaperVenue } from '../../../src/lib/execution/live/paper-venue.js';
import type { RunConfig } from '../../../src/lib/execution/state.js';
import { Exact } from '../../../src/lib/model/ticks.js';
import { seeded } from '../../support/random.js';

const SCOPE = { market: 'linear', symbol: 'ETHUSDT', settle: 'USDT' } as const;
const CONFIG = { exchange: 'bybit', ...SCOPE, side: 'long', marginMode: 'isolated', leverage: '10' } as RunConfig;

/** A desk on paper; `trade` lets one trade happen, a second after the last. */
async function openDesk(lotSize: number) {
  let time = 1_000_000;
  const terms = buildTerms({
    ...{ deposit: 1_000, leverage: 10, marginMode: 'isolated', latency: 0, fill: 'touch', tickSize: 0.01, lotSize },
  });
  const trades = (async function* () {})();
  const venue = new PaperVenue({ config: CONFIG, terms, trades, now: () => time / 1_000, rules: async () => ({}) });
  const [fills, orders]: [PrivateFill[], PrivateOrder[]] = [[], []];
  const pushed = (rows: { readonly fills: readonly PrivateFill[]; readonly orders: readonly PrivateOrder[] }) => {
    fills.push(...rows.fills);
    orders.push(...rows.orders);
  };
  await venue.listen({ pushed, interrupted: () => {} }, new AbortController().signal);
  const trade = (price: number, amount = 1) => {
    time += 1_000_000;
    venue.trade({ timestamp: time, price, amount, side: 'sell' });
  };
  const place = (clientId: string, amount: string, price?: string) => {
    const kind = price === undefined ? ('market' as const) : ('limit' as const);
    const order = { ...SCOPE, clientId, side: 'buy', kind, price, amount, reduces: false, marginMode: 'isolated' } as OrderIntent;
    return venue.place([], () => ({ kind: 'place', orders: [order], timestamp: 0 }));
  };
  return { venue, fills, orders, trade, place };
}

it('a stop on paper closes all that is held when a trade reaches it, once, under its own id', async () => {
  const { venue, fills, trade, place } = await openDesk(0.01);
  trade(100);
  await place('e', '2');
  trade(100);
  const stop = { ...SCOPE, clientId: 's', side: 'long', positionMode: 'one_way', price: '95' } as const;
  await venue.protect({ kind: 'protect', price: '95' }, () => ({ kind: 'protect', stop, timestamp: 0 }));
  expect((await venue.stops()).map(({ price }) => price)).toEqual(['95']);
  for (const price of [95.01, 94.9, 94.8, 94.7]) trade(price);
  expect(fills.map(({ clientId, side, amount, price }) => [clientId, side, amount, price])).toEqual([
    ['e', 'buy', '2', '100'],
    ['s', 'sell', '2', '94.8'],
  ]);
  expect([await venue.stops(), (await venue.positions())[0]?.amount]).toEqual([[], '0']);
});

it('an order that fills in parts is whole when its parts are: sums of doubles decide nothing', async () => {
  const random = seeded(4);
  for (let count = 0; count < 200; count++) {
    const { fills, orders, trade, place } = await openDesk(0.001);
    const lots = 2 + Math.floor(random() * 60);
    const amount = new Exact(lots).div(1_000).toString();
    trade(100);
    await place('l', amount, '90.00');
    // Parts of a few lots each, from trades that are no multiples of a lot.
    for (let trades = 0; trades < 80; trades++) trade(89, (1 + Math.floor(random() * 12)) / 1_000 + random() / 5_000);
    const sum = fills.reduce((total, fill) => total.plus(fill.amount), new Exact(0)).toString();
    const views = orders.map(({ status, filled }) => [status, filled]);
    expect([sum, views.at(-1)]).toEqual([amount, ['filled', amount]]);
    expect(views.slice(0, -1).every(([status]) => status === 'partial')).toBe(true);
  }
});
