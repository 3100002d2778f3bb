import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Desk } from '../../support/exchange-server/accounts/desk.js';
import { Decimal, sum, ZERO } from '../../support/exchange-server/accounts/engine/decimals.js';
import { type Account, type Fill, isOpen, type Order, Refusal } from '../../support/exchange-server/accounts/engine/model.js';
import type { AccountServer } from '../../support/exchange-server/accounts/server.js';
import { still } from './signed-client.js';

type Step =
  | { readonly kind: 'price'; readonly ticks: number }
  | {
      readonly kind: 'place';
      readonly isBuy: boolean;
      readonly ticks: number;
      readonly lots: number;
      readonly force: Order['force'] | 'market';
      readonly closes: boolean;
    }
  | { readonly kind: 'cancel'; readonly which: number };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('price' as const), ticks: fc.integer({ min: -150, max: 150 }) }),
  fc.record({
    kind: fc.constant('place' as const),
    isBuy: fc.boolean(),
    ticks: fc.integer({ min: -150, max: 150 }),
    lots: fc.integer({ min: 6, max: 60 }),
    force: fc.constantFrom('gtc' as const, 'ioc' as const, 'fok' as const, 'post_only' as const, 'market' as const),
    closes: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(20) }),
);

function priceOf(ticks: number): string {
  return (100 + ticks / 100).toFixed(2);
}

function take(server: AccountServer, account: Account, step: Step): void {
  const { desk } = server;
  const { engine } = desk;
  try {
    if (step.kind === 'price') server.market.setPrice('ETHUSDT', priceOf(step.ticks));
    else if (step.kind === 'cancel') {
      const open = engine.orders.openOf(account);
      const order = open[step.which % Math.max(1, open.length)];
      if (order) engine.cancel(order);
    } else {
      const kind = step.force === 'market' ? 'market' : 'limit';
      const force = step.force === 'market' ? 'ioc' : step.force;
      const price = kind === 'limit' ? new Decimal(priceOf(step.ticks)) : undefined;
      const amount = new Decimal(step.lots).div(100);
      engine.place({
        account,
        symbol: desk.symbol('ETHUSDT'),
        side: step.isBuy ? 'buy' : 'sell',
        slot: 'net',
        kind,
        force,
        price,
        amount,
        reduceOnly: step.closes,
        clientId: undefined,
      });
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}

function fillsOf(desk: Desk, order: Order): readonly Fill[] {
  return desk.engine.fills.filter((fill) => fill.order.id === order.id);
}

function checkOrders(desk: Desk): void {
  for (const order of desk.engine.orders.all()) {
    const fills = fillsOf(desk, order);
    expect(sum(fills.map(({ amount }) => amount)).eq(order.filled)).toBe(true);
    expect(sum(fills.map(({ value }) => value)).eq(order.value)).toBe(true);
    expect(order.filled.lte(order.amount)).toBe(true);
    expect(order.status === 'filled').toBe(order.filled.eq(order.amount));
    for (const { price } of order.kind === 'limit' ? fills : [])
      expect(order.side === 'buy' ? price.lte(order.price) : price.gte(order.price)).toBe(true);
    if (isOpen(order)) expect(order.kind === 'limit' && (order.force === 'gtc' || order.force === 'post_only')).toBe(true);
    if (order.force === 'post_only') for (const { isMaker } of fills) expect(isMaker).toBe(true);
    const versions = desk.engine.orders.versions(order.id).map(({ filled }) => filled.toNumber());
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  }
}

function checkAccount(desk: Desk, account: Account): void {
  const { ledger, fills } = desk.engine;
  const own = fills.filter((fill) => fill.account === account);
  const held = sum(own.map(({ order, amount }) => (order.side === 'buy' ? amount : amount.neg())));
  const position = ledger.position(account, desk.symbol('ETHUSDT'), 'net');
  const signed = position ? (position.side === 'long' ? position.amount : position.amount.neg()) : ZERO;
  expect(signed.eq(held)).toBe(true);
  const cash = sum(own.map(({ order, value }) => (order.side === 'buy' ? value.neg() : value)));
  const fees = sum(own.map(({ fee }) => fee));
  const cost = position ? position.average.mul(signed) : ZERO;
  // Deposit + cash of all trades + what the position cost = balance: realised profit is what is left.
  expect(ledger.balance(account, 'USDT').minus(new Decimal(10_000).plus(cash).plus(cost).minus(fees)).abs().lt('1e-20')).toBe(
    true,
  );
}

/** A buy that rests above the last price of a market that stands there, or a sell below it, should have filled. */
function checkNothingCrosses(desk: Desk): void {
  const { bid, ask } = desk.symbol('ETHUSDT').quote(desk.now());
  for (const order of desk.engine.orders.open()) {
    if (order.side === 'buy') expect(order.price.lt(new Decimal(ask[0]).div(100))).toBe(true);
    else expect(order.price.gt(new Decimal(bid[0]).div(100))).toBe(true);
  }
}

describe.each(['bitget', 'bybit'])('the matching engine of %s', (id) => {
  it('keeps orders, fills, position and balance consistent whatever happens', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), STEP), { maxLength: 25 }), (steps) => {
        const server = still(id);
        const [one, other] = [server.desk.open(), server.desk.open()];
        for (const [isFirst, step] of steps) take(server, isFirst ? one : other, step);
        checkOrders(server.desk);
        checkAccount(server.desk, one);
        checkAccount(server.desk, other);
        checkNothingCrosses(server.desk);
      }),
      { numRuns: 30, seed: 11 },
    );
  });

  it('never lets reduce-only orders turn a position around', () => {
    fc.assert(
      fc.property(fc.array(STEP, { minLength: 3, maxLength: 25 }), (steps) => {
        const server = still(id);
        const account = server.desk.open();
        take(server, account, { kind: 'place', isBuy: true, ticks: 0, lots: 60, force: 'market', closes: false });
        for (const step of steps) take(server, account, step.kind === 'place' ? { ...step, isBuy: false, closes: true } : step);
        const position = server.desk.engine.ledger.position(account, server.desk.symbol('ETHUSDT'), 'net');
        expect(position?.side).toBe('long');
        for (const order of server.desk.engine.orders.openOf(account))
          expect(order.amount.minus(order.filled).lte(position?.amount ?? ZERO)).toBe(true);
      }),
      { numRuns: 20, seed: 5 },
    );
  });

  it('fills better prices first, and of one price the older order', () => {
    const server = still(id);
    const { desk } = server;
    const [one, other] = [desk.open(), desk.open()];
    const place = (account: Account, price: string): string =>
      desk.engine.place({
        account,
        symbol: desk.symbol('ETHUSDT'),
        side: 'buy',
        slot: 'net',
        kind: 'limit',
        force: 'gtc',
        price: new Decimal(price),
        amount: new Decimal('0.1'),
        reduceOnly: false,
        clientId: undefined,
      }).id;
    const ids = [place(one, '99.00'), place(other, '99.50'), place(one, '99.50'), place(other, '99.00')];
    server.market.setPrice('ETHUSDT', '98.00');
    expect(desk.engine.fills.map(({ order }) => order.id)).toEqual([ids[1], ids[2], ids[0], ids[3]]);
  });
});
