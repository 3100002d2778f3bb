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
});
