import { excerpt } from '../../../model/ndjson.js';
import { isFields, pageOf } from '../../private-rows.js';
import type { PrivateFrame, PrivateSocket } from '../../private-side.js';
import type { Fields } from '../fields.js';
import { login } from './sign.js';
import { EMPTY, readFrame } from './socket-frames.js';
import { parseBalance, parseFill, parseOrder, parsePosition, parseTotals } from './unified-rows.js';

const TOPICS = ['order', 'fill', 'position', 'account'];

function readPush({ topic }: Fields, rows: readonly unknown[]): PrivateFrame {
  switch (topic) {
    case 'order': {
      const { items, rejected } = pageOf(rows, parseOrder);
      return { ...EMPTY, orders: items, rejected };
    }
    case 'fill': {
      const { items, rejected } = pageOf(rows, parseFill);
      return { ...EMPTY, fills: items, rejected };
    }
    case 'position': {
      const { items, rejected } = pageOf(rows, (row) => parsePosition(row));
      return { ...EMPTY, positions: items, rejected };
    }
    case 'account': {
      const accounts = rows.filter(isFields);
      const coins = accounts.flatMap(({ coin }) => (Array.isArray(coin) ? coin : []));
      const { items, rejected } = pageOf(coins, parseBalance);
      return { ...EMPTY, balances: items, rejected, totals: accounts[0] && parseTotals(accounts[0]) };
    }
    default:
      return { kind: 'unknown', what: `topic ${excerpt(topic)}` };
  }
}

/** `account` and `position` are pushed every 5 s, also without a change: a connection without them is dead. */
export const UNIFIED_SOCKET: PrivateSocket = {
  path: '/v3/ws/private',
  login,
  subscriptions: [
    {
      text: JSON.stringify({ op: 'subscribe', args: TOPICS.map((topic) => ({ instType: 'UTA', topic })) }),
      topics: TOPICS,
    },
  ],
  heartbeat: 'ping',
  heartbeatEvery: 25_000,
  silenceLimit: 60_000,
  pushSilenceLimit: 20_000,
  read: (text) => readFrame(text, readPush),
};
