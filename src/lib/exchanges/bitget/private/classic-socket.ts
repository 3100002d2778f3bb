import { excerpt } from '../../../model/ndjson.js';
import { pageOf } from '../../private-rows.js';
import type { PrivateFrame, PrivateSocket } from '../../private-side.js';
import type { Fields } from '../fields.js';
import { productOf } from '../products.js';
import { parseBalance, parseFill, parseOrder, parsePosition } from './classic-rows.js';
import { login } from './sign.js';
import { EMPTY, readFrame } from './socket-frames.js';
import { FUTURES } from './values.js';

const argumentsOf = (instType: string) => [
  { instType, channel: 'orders', instId: 'default' },
  { instType, channel: 'fill', instId: 'default' },
  { instType, channel: 'positions', instId: 'default' },
  { instType, channel: 'account', coin: 'default' },
];

function readPush({ instType, channel }: Fields, rows: readonly unknown[]): PrivateFrame {
  const market = productOf(instType)?.market;
  if (market === undefined) return { kind: 'unknown', what: `instType ${excerpt(instType)}` };
  switch (channel) {
    case 'orders': {
      const { items, rejected } = pageOf(rows, (row) => parseOrder(row, market));
      return { ...EMPTY, orders: items, rejected };
    }
    case 'fill': {
      const { items, rejected } = pageOf(rows, (row) => parseFill(row, market, true));
      return { ...EMPTY, fills: items, rejected };
    }
    case 'positions': {
      const { items, rejected } = pageOf(rows, (row) => parsePosition(row, market));
      return { ...EMPTY, positions: items, rejected };
    }
    case 'account': {
      const { items, rejected } = pageOf(rows, (row) => parseBalance(row, market));
      return { ...EMPTY, balances: items, rejected };
    }
    default:
      return { kind: 'unknown', what: `channel ${excerpt(channel)}` };
  }
}

/** A closed position vanishes from pushes instead of showing 0: after each fill positions are read over REST. */
export const CLASSIC_SOCKET: PrivateSocket = {
  path: '/v2/ws/private',
  login,
  subscriptions: FUTURES.map(({ instType }) => {
    const args = argumentsOf(instType);
    return { text: JSON.stringify({ op: 'subscribe', args }), topics: args.map(({ channel }) => `${instType}/${channel}`) };
  }),
  heartbeat: 'ping',
  heartbeatEvery: 25_000,
  silenceLimit: 60_000,
  read: (text) => readFrame(text, readPush),
};
