import { fromMilliseconds } from '../../../model/time.js';
import { isFields } from '../../private-rows.js';
import type { AccountFamily, PrivateSide } from '../../private-side.js';
import type { RestAnswer } from '../../rest.js';
import { CLASSIC } from './classic.js';
import { advice, judge } from './codes.js';
import { sign } from './sign.js';
import { UNIFIED } from './unified.js';

const REST = 'https://api.bitget.com';
const SECOND = 1_000;

/** Requests a second per account that are not 20 (v3) or 10 (v2). */
const LIMITS: Readonly<Record<string, number>> = {
  '/api/v2/mix/position/all-position': 5,
  '/api/v2/spot/account/info': 1,
  '/api/v2/mix/account/set-leverage': 5,
  '/api/v2/mix/order/batch-place-order': 5,
  '/api/v3/account/info': 5,
  '/api/v3/account/set-leverage': 10,
  '/api/v3/trade/place-order': 10,
  '/api/v3/trade/cancel-order': 10,
  '/api/v3/trade/place-strategy-order': 10,
  '/api/v3/trade/cancel-strategy-order': 10,
  '/api/v3/trade/place-batch': 5,
  '/api/v3/trade/cancel-batch': 5,
  '/api/v3/trade/cancel-symbol-order': 5,
};

/** The settings of a unified account answer unified keys; 40084 and 25245 prove a classic one, everything else nothing. */
function familyOf(answer: RestAnswer, now: number): AccountFamily | undefined {
  const { class: outcome, code } = judge(answer, now);
  if (outcome === 'success') return UNIFIED;
  return code === '40084' || code === '25245' ? CLASSIC : undefined;
}

function timeOf(body: string): number | undefined {
  try {
    const answer: unknown = JSON.parse(body);
    return isFields(answer) ? fromMilliseconds(answer.requestTime) : undefined;
  } catch {
    return undefined;
  }
}

/** The private side of Bitget: unified accounts on v3, classic ones on v2; an account answers one of both only. */
export const PRIVATE: PrivateSide = {
  needsPassphrase: true,
  origins: {
    live: { rest: REST, websocket: 'wss://ws.bitget.com' },
    demo: { rest: REST, websocket: 'wss://wspap.bitget.com' },
  },
  hosts: [],
  window: 30 * SECOND,
  sign,
  host: { requests: 6_000, within: 60 * SECOND },
  limit: ({ path }) => ({ requests: LIMITS[path] ?? (path.startsWith('/api/v3/') ? 20 : 10), within: SECOND }),
  judge,
  timeOf,
  advice,
  probe: { path: '/api/v3/account/settings', query: {}, signed: true },
  familyOf,
  families: [UNIFIED, CLASSIC],
};
