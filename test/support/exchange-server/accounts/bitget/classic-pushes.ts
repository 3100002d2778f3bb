import type { Desk } from '../desk.js';
import type { Client, Push } from '../dialect.js';
import { textOf } from '../engine/decimals.js';
import type { Account, EngineEvent } from '../engine/model.js';
import { accountPush, fillPush, orderPush, positionPush } from './classic-rows.js';

export const CLASSIC_CHANNELS: readonly string[] = [
  'orders',
  'fill',
  'positions',
  'account',
  'orders-algo',
  'positions-history',
  'equity',
  'adl-noti',
];

/** Frames of a channel: one for `default`, one for a symbol or coin if the client asked for it by name. */
function frames(channel: string, narrowed: string, client: Client, desk: Desk, data: readonly unknown[]): Push[] {
  const key = channel === 'account' ? 'coin' : 'instId';
  return [channel, `${channel} ${narrowed}`]
    .filter((name) => client.topics.has(name))
    .map((name) => {
      const arg = { instType: 'USDT-FUTURES', channel, [key]: name === channel ? 'default' : narrowed };
      return { topic: name, text: JSON.stringify({ action: 'snapshot', arg, data, ts: desk.now() }) };
    });
}

/** All open positions; a closed one is not among them. */
function positions(account: Account, client: Client, desk: Desk): Push[] {
  const rows = desk.engine.ledger.openOf(account).map((position) => positionPush(desk.engine, position));
  return frames('positions', '', client, desk, rows);
}

function balances(account: Account, client: Client, desk: Desk): Push[] {
  return [...account.balances.keys()].flatMap((coin) =>
    frames('account', coin, client, desk, [accountPush(desk.engine, account, coin)]),
  );
}

export function classicFirst(name: string, account: Account, client: Client, desk: Desk): Push[] {
  const [channel] = name.split(' ');
  if (channel === 'positions') return positions(account, client, desk);
  return channel === 'account' ? balances(account, client, desk) : [];
}

export function classicPushes(event: EngineEvent, client: Client, desk: Desk): Push[] {
  switch (event.kind) {
    case 'order':
      return frames('orders', event.order.symbol.listing.symbol, client, desk, [orderPush(event.order, event.fill)]);
    case 'fill':
      if (event.fill.kind === 'funding') return [];
      return frames('fill', event.fill.symbol.listing.symbol, client, desk, [fillPush(event.fill)]);
    case 'position':
      return positions(event.position.account, client, desk);
    case 'account':
      return balances(event.account, client, desk);
    case 'adl': {
      const { symbol, side } = event.position;
      const row = {
        symbol: symbol.listing.symbol,
        side,
        status: 'triggered',
        price: textOf(event.price),
        amount: textOf(event.amount),
        ts: String(desk.now()),
      };
      return frames('adl-noti', symbol.listing.symbol, client, desk, [row]);
    }
  }
}
