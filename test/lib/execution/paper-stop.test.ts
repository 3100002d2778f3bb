import { expect, it } from 'vitest';
import { buildTerms } from '../../../src/lib/backtest/terms.js';
import type { OrderIntent, PrivateFill } from '../../../src/lib/exchanges/private-side.js';
import { PaperVenue } from '../../../src/lib/execution/live/paper-venue.js';
import type { VenueListener } from '../../../src/lib/execution/live/venue.js';
import type { RunConfig } from '../../../src/lib/execution/state.js';

const SCOPE = { market: 'linear', symbol: 'ETHUSDT', settle: 'USDT' } as const;
const CONFIG = { exchange: 'bybit', ...SCOPE, side: 'long', marginMode: 'isolated', leverage: '10' } as RunConfig;
const terms = buildTerms({
  deposit: 1_000,
  leverage: 10,
  marginMode: 'isolated',
  latency: 0,
  fill: 'touch',
  tickSize: 0.01,
  lotSize: 0.01,
});

it('a stop on paper closes all that is held when a trade reaches it, once, under its own id', async () => {
  let time = 1_000_000;
  const venue = new PaperVenue({
    config: CONFIG,
    terms,
    trades: (async function* () {})(),
    now: () => time / 1_000,
    rules: async () => ({}),
  });
  const fills: PrivateFill[] = [];
  await venue.listen({ pushed: (rows) => fills.push(...rows.fills), interrupted: () => {} }, new AbortController().signal);
  const trade = (price: number) => {
    time += 1_000_000;
    venue.trade({ timestamp: time, price, amount: 1, side: 'buy' });
  };
  trade(100);
  const entry = {
    ...SCOPE,
    clientId: 'e',
    side: 'buy',
    kind: 'market',
    amount: '2',
    reduces: false,
    marginMode: 'isolated',
  } as OrderIntent;
  await venue.place([], () => ({ kind: 'place', orders: [entry], timestamp: 0 }));
  trade(100);
  const stop = { ...SCOPE, clientId: 's', side: 'long', positionMode: 'one_way', price: '95' } as const;
  await venue.protect({ kind: 'protect', price: '95' }, () => ({ kind: 'protect', stop, timestamp: 0 }));
  expect((await venue.stops()).map(({ price }) => price)).toEqual(['95']);
  for (const price of [95.01, 94.9, 94.8, 94.7]) trade(price);
  expect(fills.map(({ clientId, side, amount, price }) => [clientId, side, amount, price])).toEqual([
    ['e', 'buy', '2', '100'],
    ['s', 'sell', '2', '94.8'],
  ]);
  expect([await venue.stops(), (await venue.position()).amount]).toEqual([[], '0']);
});

it('an order on paper that is filled in parts is filled, whatever their sum is in binary', async () => {
  let time = 1_000_000;
  const venue = new PaperVenue({
    config: CONFIG,
    terms: buildTerms({ deposit: 1_000, leverage: 10, latency: 0, fill: 'touch', tickSize: 0.1, lotSize: 0.001 }),
    trades: (async function* () {})(),
    now: () => time / 1_000,
    rules: async () => ({}),
  });
  const seen: string[] = [];
  const pushed: VenueListener['pushed'] = ({ orders }) =>
    void seen.push(...orders.map(({ status, filled }) => `${status} ${filled}`));
  await venue.listen({ pushed, interrupted: () => {} }, new AbortController().signal);
  const trade = (price: number, amount: number) => {
    time += 1_000_000;
    venue.trade({ timestamp: time, price, amount, side: 'sell' });
  };
  trade(100, 1);
  const level = {
    ...SCOPE,
    clientId: 'l',
    side: 'buy',
    kind: 'limit',
    price: '99',
    amount: '0.014',
    reduces: false,
  } as OrderIntent;
  await venue.place([], () => ({ kind: 'place', orders: [level], timestamp: 0 }));
  trade(99, 0.011);
  trade(99, 0.003);
  expect(seen).toEqual(['partial 0.011', 'filled 0.014']);
});
