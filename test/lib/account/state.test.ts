import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccountState } from '../../../src/lib/account/state.js';
import type { PrivateFrame, PrivateOrder, PrivatePosition } from '../../../src/lib/exchanges/private-side.js';

const order = (filled: string, status: PrivateOrder['status'], id = '1'): PrivateOrder => ({
  market: 'linear',
  symbol: 'BTCUSDT',
  orderId: id,
  side: 'buy',
  kind: 'limit',
  price: '100',
  amount: '3',
  filled,
  status,
  cause: 'order',
  updated: 1,
});
const position = (amount: string, positionSide?: 'long' | 'short'): PrivatePosition => ({
  market: 'linear',
  symbol: 'BTCUSDT',
  positionMode: 'one_way',
  positionSide,
  amount,
});
const fill = (tradeId: string) =>
  ({
    market: 'linear',
    symbol: 'BTCUSDT',
    tradeId,
    orderId: '1',
    side: 'buy',
    price: '100',
    amount: '1',
    fees: [],
    cause: 'order',
    timestamp: 1,
  }) as const;

type Data = Extract<PrivateFrame, { kind: 'data' }>;
const push = (part: Partial<Data>): Data => ({
  kind: 'data',
  orders: [],
  fills: [],
  positions: [],
  balances: [],
  rejected: [],
  ...part,
});
const snapshot = (part: object) => ({ rejected: [], time: 1, ...part });

describe('the state of an account', () => {
  it('ends with the last state of each order whatever is dropped, repeated or late', () => {
    const life = [order('0', 'new'), order('1', 'partial'), order('2', 'partial'), order('2', 'cancelled')];
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 12 }), fc.boolean(), (sent, withFinal) => {
        const state = new AccountState();
        let most = 0;
        let isOver = false;
        for (const step of withFinal ? [...sent, 3] : sent) {
          state.push(push({ orders: [life[step] as PrivateOrder] }), 0);
          isOver ||= step === 3;
          const [shown] = state.orders;
          if (isOver) expect(shown).toBeUndefined();
          else {
            expect(Number(shown?.filled)).toBeGreaterThanOrEqual(most);
            most = Number(shown?.filled);
          }
        }
      }),
    );
  });

  it('counts each fill once, over pushes and REST', () => {
    const state = new AccountState();
    expect(state.push(push({ fills: [fill('a'), fill('a')] }), 0).fills).toHaveLength(1);
    const { changes, differences } = state.apply(snapshot({ fills: [fill('a'), fill('b')] }), state.revision, 0);
    expect(changes.fills.map(({ tradeId }) => tradeId)).toEqual(['b']);
    expect(differences).toMatchObject([{ what: 'fill b of BTCUSDT' }]);
  });

  it('does not undo a push by an answer that was asked for before it', () => {
    const state = new AccountState();
    state.apply(snapshot({ positions: [position('1', 'long')], orders: [order('0', 'new')] }), 0, 0);
    const asked = state.revision;
    state.push(push({ positions: [position('2', 'long')], orders: [order('1', 'partial')] }), 1_000);
    const { differences, missing } = state.apply(snapshot({ positions: [position('1', 'long')], orders: [] }), asked, 60_000);
    expect([state.positions[0]?.amount, state.orders[0]?.filled, differences, missing]).toEqual(['2', '1', [], []]);
  });

  it('sees what REST says otherwise: a vanished position, a turned one, an order that nobody pushed', () => {
    const state = new AccountState();
    state.apply(snapshot({ positions: [position('1', 'long')], balances: [{ asset: 'USDT', total: '10' }] }), 0, 0);
    const turned = state.apply(snapshot({ positions: [position('1', 'short')] }), state.revision, 0);
    expect(turned.differences).toMatchObject([{ known: '1', found: '-1' }]);
    const gone = state.apply(
      snapshot({ positions: [], orders: [order('0', 'new')], balances: [{ asset: 'USDT', total: '10.0' }] }),
      state.revision,
      0,
    );
    expect(gone.differences.map(({ what }) => what)).toEqual(['position in BTCUSDT', 'order 1 of BTCUSDT']);
    expect(gone.changes.positions).toMatchObject([{ amount: '0' }]);
    expect(state.positions).toEqual([]);
  });

  it('asks for an order that left the list, and drops it only when it is older than a list may be behind', () => {
    const state = new AccountState();
    state.push(push({ orders: [order('0', 'new'), order('0', 'new', '2')] }), 10_000);
    expect(state.apply(snapshot({ orders: [order('0', 'new')] }), state.revision, 10_000).missing).toMatchObject([
      { orderId: '2' },
    ]);
    expect([14_999, 15_000].map((now) => state.forget(order('0', 'new', '2'), now))).toEqual([false, true]);
    expect(state.orders.map(({ orderId }) => orderId)).toEqual(['1']);
    expect(state.settle(order('3', 'filled'), 15_000)).toBe(true);
    expect(state.orders).toEqual([]);
  });

  it('takes nothing of a closed position into the next one, and the larger sequence wins', () => {
    const state = new AccountState();
    const row = (amount: string, sequence: string, more: object = {}) => ({ ...position(amount, 'long'), sequence, ...more });
    state.push(push({ positions: [row('1', '9', { liquidation: '80' })] }), 0);
    state.push(push({ positions: [row('5', '8')] }), 0);
    expect(state.positions).toMatchObject([{ amount: '1', liquidation: '80' }]);
    state.push(push({ positions: [row('0', '10'), row('2', '11')] }), 0);
    expect(state.positions).toMatchObject([{ amount: '2' }]);
    expect(state.positions[0]?.liquidation).toBeUndefined();
  });

  it('keeps the balance of the push that was sent last, not of the one that came last', () => {
    const state = new AccountState();
    const sent = (total: string, time: number) => state.push(push({ balances: [{ asset: 'USDT', total }], time }), 0).balances;
    expect([sent('12', 2), sent('11', 1), sent('13', 2)].map(({ length }) => length)).toEqual([1, 0, 1]);
    expect(state.balances).toMatchObject([{ total: '13' }]);
  });
});
