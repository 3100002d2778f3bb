import type { Desk } from '../desk.js';
import type { Client, Push } from '../dialect.js';
import { shortText } from '../engine/decimals.js';
import type { Account, EngineEvent } from '../engine/model.js';
import { fillPush, orderPush, positionPush, totalsOf } from './unified-rows.js';

export const UNIFIED_TOPICS: readonly string[] = ['order', 'fill', 'position', 'account', 'strategy-order'];

function frame(topic: string, client: Client, desk: Desk, data: readonly unknown[]): Push[] {
  if (!client.topics.has(topic)) return [];
  return [{ topic, text: JSON.stringify({ action: 'snapshot', arg: { instType: 'UTA', topic }, data, ts: desk.now() }) }];
}

function accountRow(account: Account, desk: Desk): Record<string, unknown> {
  const { rows, equity, profit, initial, maintenance, ratio } = totalsOf(desk.engine, account);
  return {
    totalEquity: shortText(equity),
    effEquity: shortText(equity),
    mmr: shortText(maintenance),
    imr: shortText(initial),
    mgnRatio: shortText(ratio),
    positionMgnRatio: shortText(ratio),
    unrealisedPnL: shortText(profit),
    coin: rows.map((row) => ({
      coin: row.coin,
      balance: shortText(row.balance),
      available: shortText(row.available),
      equity: shortText(row.equity),
      usdValue: shortText(row.equity),
      locked: '0',
      borrow: '0',
      debts: '0',
    })),
  };
}

function openPositions(account: Account, client: Client, desk: Desk): Push[] {
  const rows = desk.engine.ledger.openOf(account).map((position) => positionPush(desk.engine, position));
  return frame('position', client, desk, rows);
}

export function unifiedFirst(topic: string, account: Account, client: Client, desk: Desk): Push[] {
  if (topic === 'position') return openPositions(account, client, desk);
  return topic === 'account' ? frame('account', client, desk, [accountRow(account, desk)]) : [];
}

/** Positions and account come every five seconds too. */
export function unifiedBeat(account: Account, client: Client, desk: Desk): Push[] {
  return [...openPositions(account, client, desk), ...frame('account', client, desk, [accountRow(account, desk)])];
}

export function unifiedPushes(event: EngineEvent, client: Client, desk: Desk): Push[] {
  switch (event.kind) {
    case 'order':
      return frame('order', client, desk, [orderPush(event.order)]);
    case 'fill':
      return event.fill.kind === 'trade' ? frame('fill', client, desk, [fillPush(event.fill)]) : [];
    case 'position':
      return event.isByOrder ? [] : frame('position', client, desk, [positionPush(desk.engine, event.position)]);
    case 'account':
      return frame('account', client, desk, [accountRow(event.account, desk)]);
    case 'adl':
      return [];
  }
}
