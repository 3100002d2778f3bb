import { describe, expect, it } from 'vitest';
import type { AccountServer } from '../../support/exchange-server/accounts/server.js';
import { type Answer, at, type Fields, SignedClient, still } from './signed-client.js';

/** The three private protocols as one: what an order says, and where answers have it. */
type Protocol = {
  readonly id: string;
  readonly family: 'unified' | 'classic';
  place(order: Fields): readonly [path: string, fields: Fields];
  cancel(id: string): readonly [path: string, fields: Fields];
  detail(id: string): readonly [path: string, fields: Fields];
  open(): readonly [path: string, fields: Fields];
  positions(): readonly [path: string, fields: Fields];
  fills(): readonly [path: string, fields: Fields];
  readonly ok: string;
  readonly names: {
    readonly order: string;
    readonly row: string;
    readonly status: string;
    readonly open: string;
    readonly position: string;
    readonly size: string;
    readonly fills: string;
    readonly filled: string;
  };
  readonly words: { readonly open: string; readonly cancelled: string };
};

const PLAIN = { symbol: 'ETHUSDT' };

const BYBIT: Protocol = {
  id: 'bybit',
  family: 'unified',
  place: ({ side, amount, price, clientId, force, reduceOnly }) => [
    '/v5/order/create',
    {
      category: 'linear',
      ...PLAIN,
      side: side === 'buy' ? 'Buy' : 'Sell',
      orderType: price ? 'Limit' : 'Market',
      qty: amount,
      price,
      timeInForce: force === 'post_only' ? 'PostOnly' : (force as string | undefined)?.toUpperCase(),
      orderLinkId: clientId,
      reduceOnly,
    },
  ],
  cancel: (orderId) => ['/v5/order/cancel', { category: 'linear', ...PLAIN, orderId }],
  detail: (orderId) => ['/v5/order/realtime', { category: 'linear', ...PLAIN, orderId }],
  open: () => ['/v5/order/realtime', { category: 'linear', ...PLAIN }],
  positions: () => ['/v5/position/list', { category: 'linear', settleCoin: 'USDT' }],
  fills: () => ['/v5/execution/list', { category: 'linear', ...PLAIN }],
  ok: '0',
  names: {
    order: 'result.orderId',
    row: 'result.list.0',
    status: 'orderStatus',
    open: 'result.list',
    position: 'result.list',
    size: 'size',
    fills: 'result.list',
    filled: 'cumExecQty',
  },
  words: { open: 'New', cancelled: 'Cancelled' },
};

const UNIFIED: Protocol = {
  id: 'bitget',
  family: 'unified',
  place: ({ side, amount, price, clientId, force, reduceOnly }) => [
    '/api/v3/trade/place-order',
    {
      category: 'USDT-FUTURES',
      ...PLAIN,
      side,
      orderType: price ? 'limit' : 'market',
      qty: amount,
      price,
      timeInForce: force,
      clientOid: clientId,
      marginMode: 'isolated',
      ...(reduceOnly === true && { reduceOnly: 'yes' }),
    },
  ],
  cancel: (orderId) => ['/api/v3/trade/cancel-order', { orderId, category: 'USDT-FUTURES' }],
  detail: (orderId) => ['/api/v3/trade/order-info', { orderId }],
  open: () => ['/api/v3/trade/unfilled-orders', { category: 'USDT-FUTURES', ...PLAIN }],
  positions: () => ['/api/v3/position/current-position', { category: 'USDT-FUTURES' }],
  fills: () => ['/api/v3/trade/fills', { category: 'USDT-FUTURES', ...PLAIN }],
  ok: '00000',
  names: {
    order: 'data.orderId',
    row: 'data',
    status: 'orderStatus',
    open: 'data.list',
    position: 'data.list',
    size: 'total',
    fills: 'data.list',
    filled: 'cumExecQty',
  },
  words: { open: 'new', cancelled: 'cancelled' },
};

const CLASSIC: Protocol = {
  id: 'bitget',
  family: 'classic',
  place: ({ side, amount, price, clientId, force, reduceOnly }) => [
    '/api/v2/mix/order/place-order',
    {
      productType: 'USDT-FUTURES',
      marginCoin: 'USDT',
      marginMode: 'isolated',
      ...PLAIN,
      side,
      orderType: price ? 'limit' : 'market',
      size: amount,
      price,
      force,
      clientOid: clientId,
      ...(reduceOnly === true && { reduceOnly: 'YES' }),
    },
  ],
  cancel: (orderId) => ['/api/v2/mix/order/cancel-order', { orderId, productType: 'USDT-FUTURES', ...PLAIN }],
  detail: (orderId) => ['/api/v2/mix/order/detail', { orderId, productType: 'USDT-FUTURES', ...PLAIN }],
  open: () => ['/api/v2/mix/order/orders-pending', { productType: 'USDT-FUTURES', ...PLAIN }],
  positions: () => ['/api/v2/mix/position/all-position', { productType: 'USDT-FUTURES', marginCoin: 'USDT' }],
  fills: () => ['/api/v2/mix/order/fills', { productType: 'USDT-FUTURES', ...PLAIN }],
  ok: '00000',
  names: {
    order: 'data.orderId',
    row: 'data',
    status: 'state',
    open: 'data.entrustedList',
    position: 'data',
    size: 'total',
    fills: 'data.fillList',
    filled: 'baseVolume',
  },
  words: { open: 'live', cancelled: 'canceled' },
};

class Trader {
  readonly server: AccountServer;
  readonly client: SignedClient;
  readonly protocol: Protocol;

  constructor(protocol: Protocol) {
    this.protocol = protocol;
    this.server = still(protocol.id, { accounts: { limits: false } });
    const account = this.server.desk.open({ family: protocol.family });
    this.client = new SignedClient(this.server.desk, this.server.desk.createKey(account));
  }

  place(order: Fields): Answer {
    return this.client.ask('POST', ...this.protocol.place(order));
  }

  /** Places and returns the order's id. */
  order(order: Fields): string {
    const answer = this.place(order);
    expect(answer).toMatchObject({ code: this.protocol.ok, status: 200 });
    return String(at(answer.body, this.protocol.names.order));
  }

  get(what: 'open' | 'positions' | 'fills'): Fields[] {
    const { names } = this.protocol;
    const place = { open: names.open, positions: names.position, fills: names.fills }[what];
    return at(this.client.ask('GET', ...this.protocol[what]()).body, place) as Fields[];
  }

  row(id: string): Fields {
    return at(this.client.ask('GET', ...this.protocol.detail(id)).body, this.protocol.names.row) as Fields;
  }

  held(): unknown {
    return this.get('positions')[0]?.[this.protocol.names.size];
  }
}

describe.each([
  ['bybit v5', BYBIT],
  ['bitget v3', UNIFIED],
  ['bitget v2', CLASSIC],
])('%s', (_, protocol) => {
  const { names, words } = protocol;

  it('rests a limit order, fills it when the price comes, and knows it as open, filled, position and fill', () => {
    const trader = new Trader(protocol);
    const id = trader.order({ side: 'buy', amount: '0.5', price: '99', clientId: 'level-1' });
    expect(trader.get('open').map(({ orderId }) => orderId)).toEqual([id]);
    expect(trader.row(id)).toMatchObject({ [names.status]: words.open, [names.filled]: '0' });
    trader.server.market.setPrice('ETHUSDT', '98.50');
    expect(trader.get('open')).toEqual([]);
    expect(trader.row(id)).toMatchObject({ [names.status]: expect.stringMatching(/^filled$/i), [names.filled]: '0.5' });
    expect(trader.held()).toBe('0.5');
    expect(trader.get('fills')).toMatchObject([{ orderId: id }]);
  });

  it('cancels once, and says that it is gone the second time', () => {
    const trader = new Trader(protocol);
    const id = trader.order({ side: 'buy', amount: '0.5', price: '99' });
    expect(trader.client.ask('POST', ...protocol.cancel(id)).code).toBe(protocol.ok);
    expect(trader.row(id)).toMatchObject({ [names.status]: words.cancelled });
    trader.server.server.advance(1_000);
    expect(trader.client.ask('POST', ...protocol.cancel(id)).code).not.toBe(protocol.ok);
  });

  it('accepts a post-only order that would trade, and cancels it', () => {
    const trader = new Trader(protocol);
    const id = trader.order({ side: 'buy', amount: '0.5', price: '101', force: 'post_only' });
    expect(trader.row(id)).toMatchObject({ [names.status]: words.cancelled, [names.filled]: '0' });
  });

  it('fills in the parts of a script, one after the other', () => {
    const trader = new Trader(protocol);
    trader.server.desk.faults.fills.push({ match: ({ side }) => side === 'buy', parts: [0.2, 0.3, 0.5], every: 1_000 });
    const id = trader.order({ side: 'buy', amount: '1', price: '99' });
    trader.server.market.setPrice('ETHUSDT', '98.50');
    const seen = [0, 1_000, 1_000].map((pause) => {
      trader.server.server.advance(pause);
      return trader.row(id)[names.filled];
    });
    expect(seen).toEqual(['0.2', '0.5', '1']);
    expect(trader.get('fills')).toHaveLength(3);
  });

  it('trims a reduce-only order to the position and refuses one without', () => {
    const trader = new Trader(protocol);
    expect(trader.place({ side: 'sell', amount: '1', price: '101', reduceOnly: true }).code).not.toBe(protocol.ok);
    trader.order({ side: 'buy', amount: '0.5' });
    const id = trader.order({ side: 'sell', amount: '1', price: '101', reduceOnly: true });
    trader.server.market.setPrice('ETHUSDT', '102.00');
    expect(trader.row(id)[names.filled]).toBe('0.5');
    expect(trader.held() ?? '0').toBe('0');
  });

  it('refuses what the balance does not cover, and a repeated client id', () => {
    const trader = new Trader(protocol);
    expect(trader.place({ side: 'buy', amount: '5000', price: '99' }).code).toMatch(/^(?:110007|25202|40762)$/);
    trader.order({ side: 'buy', amount: '0.5', price: '99', clientId: 'same' });
    expect(trader.place({ side: 'buy', amount: '0.5', price: '99', clientId: 'same' }).code).toMatch(/^(?:110072|25212|45034)$/);
    trader.server.market.setPrice('ETHUSDT', '98.00');
    // A finished order frees its client id at Bitget, never at Bybit.
    const again = trader.place({ side: 'buy', amount: '0.5', price: '97', clientId: 'same' }).code;
    expect(again).toBe(protocol.id === 'bitget' ? protocol.ok : '110072');
  });

  it('liquidates at the price that it names, and cancels what is open', () => {
    const trader = new Trader(protocol);
    trader.order({ side: 'buy', amount: '1' });
    const open = trader.order({ side: 'buy', amount: '0.5', price: '85' });
    const row = trader.get('positions')[0] as Fields;
    const price = Number(row.liqPrice ?? row.liquidationPrice);
    expect(price).toBeGreaterThan(89);
    trader.server.market.setMark('ETHUSDT', (price + 0.02).toFixed(2));
    trader.server.server.advance(1_000);
    expect(trader.held()).toBe('1');
    trader.server.market.setMark('ETHUSDT', (price - 0.02).toFixed(2));
    trader.server.server.advance(1_000);
    expect(trader.held() ?? '0').toBe('0');
    expect(trader.row(open)).toMatchObject({ [names.status]: words.cancelled });
    expect(JSON.stringify(trader.get('fills')[0])).toMatch(/BustTrade|burst_sell_single/);
  });

  it('reads as old as a test wants: positions 3 s behind the fills', () => {
    const trader = new Trader(protocol);
    trader.server.desk.faults.lags.positions = 3_000;
    trader.order({ side: 'buy', amount: '0.5' });
    expect(trader.get('fills')).toHaveLength(1);
    expect(trader.held() ?? '0').toBe('0');
    trader.server.server.advance(3_000);
    expect(trader.held()).toBe('0.5');
  });

  it('hides an order from its detail for a while', () => {
    const trader = new Trader(protocol);
    trader.server.desk.faults.lags.detail = 2_000;
    const id = trader.order({ side: 'buy', amount: '0.5', price: '99' });
    expect(trader.row(id)?.[names.status]).toBeUndefined();
    expect(trader.get('open')).toHaveLength(1);
    trader.server.server.advance(2_000);
    expect(trader.row(id)).toMatchObject({ [names.status]: words.open });
  });

  it('accepts and says nothing, refuses and says nothing, says yes and does nothing, takes effect late', () => {
    const trader = new Trader(protocol);
    const { desk } = trader.server;
    const order = protocol.place({ side: 'buy', amount: '0.5', price: '99' });
    const places = { path: new RegExp(order[0]) };
    desk.faults.request({ when: 'after', answer: 'cut' }, places);
    expect(trader.client.send('POST', ...order)).toEqual(['cut']);
    expect(desk.engine.orders.open()).toHaveLength(1);
    desk.faults.request({ when: 'before', answer: 'cut' }, places);
    expect(trader.client.send('POST', ...order)).toEqual(['cut']);
    expect(desk.engine.orders.open()).toHaveLength(1);
    desk.faults.request({ when: 'no-effect' }, places);
    expect(trader.client.ask('POST', ...order).code).toBe(protocol.ok);
    expect(desk.engine.orders.all()).toHaveLength(1);
    desk.faults.request({ when: 'after', answer: 'empty' }, places);
    expect(trader.client.ask('POST', ...order)).toMatchObject({ status: 200, code: '' });
    expect(desk.engine.orders.open()).toHaveLength(2);
    desk.faults.request({ when: 'arrives', delay: 45_000, ignoresWindow: true, answer: 'hang' }, places);
    expect(trader.client.send('POST', ...order)).toEqual(['hang']);
    trader.server.server.advance(44_999);
    expect(desk.engine.orders.open()).toHaveLength(2);
    trader.server.server.advance(1);
    expect(desk.engine.orders.open()).toHaveLength(3);
    // With the time checked on arrival, such an order is refused.
    desk.faults.request({ when: 'arrives', delay: 45_000, answer: 'hang' }, places);
    trader.client.send('POST', ...order);
    trader.server.server.advance(45_000);
    expect(desk.engine.orders.open()).toHaveLength(3);
    expect(desk.requests.at(-1)).toMatchObject({ outcome: 'refused' });
  });

  it('lets a cancel find its order filled', () => {
    const trader = new Trader(protocol);
    const id = trader.order({ side: 'buy', amount: '0.5', price: '99' });
    trader.server.desk.faults.raceCancel(() => true);
    expect(trader.client.ask('POST', ...protocol.cancel(id)).code).not.toBe(protocol.ok);
    expect(trader.held()).toBe('0.5');
    const other = trader.order({ side: 'buy', amount: '0.5', price: '98' });
    trader.server.desk.faults.raceCancel(() => true, 0.4);
    expect(trader.client.ask('POST', ...protocol.cancel(other)).code).toBe(protocol.ok);
    expect(trader.row(other)).toMatchObject({ [names.status]: words.cancelled, [names.filled]: '0.2' });
  });

  it('pays funding on the value at the mark, at the time of the listing', () => {
    const trader = new Trader(protocol);
    trader.order({ side: 'buy', amount: '1' });
    const { desk, server } = trader.server;
    const before = desk.accounts[0]?.balances.get('USDT');
    server.advance(8 * 3_600_000);
    const bill = desk.accounts[0]?.bills.at(-1);
    expect(bill?.kind).toBe('funding');
    expect(desk.accounts[0]?.balances.get('USDT')?.eq(before?.plus(bill?.amount ?? 0) ?? 0)).toBe(true);
  });
});

describe('lists', () => {
  it.each([
    [
      'bybit v5',
      BYBIT,
      '/v5/order/realtime',
      { category: 'linear', symbol: 'ETHUSDT', limit: '10' },
      'result.list',
      'result.nextPageCursor',
      'cursor',
    ],
    [
      'bitget v3',
      UNIFIED,
      '/api/v3/trade/unfilled-orders',
      { category: 'USDT-FUTURES', limit: '10' },
      'data.list',
      'data.cursor',
      'cursor',
    ],
    [
      'bitget v2',
      CLASSIC,
      '/api/v2/mix/order/orders-pending',
      { productType: 'USDT-FUTURES', limit: '10' },
      'data.entrustedList',
      'data.endId',
      'idLessThan',
    ],
  ] as const)('of %s come page by page, each order once', (_, protocol, path, fields, list, next, name) => {
    const trader = new Trader(protocol);
    const placed = Array.from({ length: 24 }, (_, at) =>
      trader.order({ side: 'buy', amount: '0.1', price: String(60 + at) }),
    ).reverse();
    const seen: unknown[] = [];
    let cursor: unknown;
    for (let page = 0; page < 4; page++) {
      const { body } = trader.client.ask('GET', path, { ...fields, [name]: cursor });
      seen.push(...(at(body, list) as Fields[]).map(({ orderId }) => orderId));
      cursor = at(body, next);
      if (!cursor) break;
    }
    expect(seen).toEqual(placed);
  });
});
