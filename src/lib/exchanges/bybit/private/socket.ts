import { excerpt } from '../../../model/ndjson.js';
import { fromMilliseconds } from '../../../model/time.js';
import { isFields, pageOf } from '../../private-rows.js';
import type { PrivateFrame, PrivateSocket } from '../../private-side.js';
import type { Fields } from '../fields.js';
import { judgeSocket } from './codes.js';
import { parseBalance, parseFill, parseOrder, parsePosition, walletOf } from './rows.js';
import { login } from './sign.js';

type DataFrame = Extract<PrivateFrame, { kind: 'data' }>;

const EMPTY: DataFrame = { kind: 'data', orders: [], fills: [], positions: [], balances: [], rejected: [] };
const TOPICS = ['order', 'execution', 'position', 'wallet'];

/** Topics may be one for all categories (`order`) or one per category (`order.linear`). */
function readPush(topic: string, rows: readonly unknown[]): PrivateFrame {
  switch (topic.split('.')[0]) {
    case 'order': {
      const { items, rejected } = pageOf(rows, (row) => parseOrder(row));
      return { ...EMPTY, orders: items, rejected };
    }
    case 'execution': {
      const { items, rejected } = pageOf(rows, (row) => parseFill(row));
      return { ...EMPTY, fills: items, rejected };
    }
    case 'position': {
      const { items, rejected } = pageOf(rows, (row) => parsePosition(row));
      return { ...EMPTY, positions: items, rejected };
    }
    case 'wallet': {
      const { coins, totals } = walletOf(rows);
      const { items, rejected } = pageOf(coins, parseBalance);
      return { ...EMPTY, balances: items, rejected, totals };
    }
    default:
      return { kind: 'unknown', what: `topic ${excerpt(topic)}` };
  }
}

function read(text: string): PrivateFrame {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {}
  if (!isFields(message)) return { kind: 'rejected', reason: `expected a JSON object, was ${excerpt(text)}` };
  const { topic, data, op, creationTime } = message;
  if (typeof topic === 'string') {
    if (!Array.isArray(data)) return { kind: 'rejected', reason: `${topic}: expected data to be a list, was ${excerpt(data)}` };
    const frame = readPush(topic, data);
    return frame.kind === 'data' ? { ...frame, time: fromMilliseconds(creationTime) } : frame;
  }
  return readAnswer(message, op);
}

/** Answers of `auth` and `subscribe`; that they echo the id of the request is not certain, so `op` names them. */
function readAnswer(message: Fields, op: unknown): PrivateFrame {
  const words = String(message.ret_msg ?? message.retMsg ?? '');
  const failed = message.success === false || (message.retCode !== undefined && Number(message.retCode) !== 0);
  if (op === 'pong' || op === 'ping' || words === 'pong') return { kind: 'pong' };
  if (failed) return { kind: 'refused', outcome: judgeSocket(`${op ?? ''} ${message.retCode ?? ''} ${words}`.trim()) };
  if (op === 'auth') return { kind: 'login' };
  if (op === 'subscribe') return { kind: 'acknowledged' };
  return { kind: 'unknown', what: `op ${excerpt(op)}` };
}

/** The private connection. None of its topics begins with a state. */
export const SOCKET: PrivateSocket = {
  path: '/v5/private',
  login,
  subscriptions: [
    { text: JSON.stringify({ req_id: 'subscribe', op: 'subscribe', args: TOPICS }), topics: TOPICS, request: 'subscribe' },
  ],
  heartbeat: JSON.stringify({ req_id: 'ping', op: 'ping' }),
  heartbeatEvery: 20_000,
  silenceLimit: 60_000,
  read,
};
