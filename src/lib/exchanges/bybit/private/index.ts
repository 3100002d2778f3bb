import { finite } from '../../../model/numbers.js';
import { fromMilliseconds } from '../../../model/time.js';
import { isFields } from '../../private-rows.js';
import type { AccountFamily, PrivateSide } from '../../private-side.js';
import type { RestAnswer } from '../../rest.js';
import { advice, judge } from './codes.js';
import { sign, WINDOW } from './sign.js';
import { UNIFIED } from './unified.js';

const SECOND = 1_000;

/** Requests a second per account, where they are not those of reads. */
const LIMITS: Readonly<Record<string, number>> = {
  '/v5/account/transaction-log': 25,
  '/v5/user/query-api': 10,
};
const READS = 50;
const WRITES = 10;

function parsed(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const answer: unknown = JSON.parse(body);
    return isFields(answer) ? answer : undefined;
  } catch {
    return undefined;
  }
}

/** A unified account says 3 to 6; 1 is a classic one, which has no family here. */
function familyOf(answer: RestAnswer, now: number): AccountFamily | undefined {
  if (judge(answer, now).class !== 'success') return undefined;
  const { result } = parsed(answer.body) ?? {};
  const status = isFields(result) ? finite(result.unifiedMarginStatus) : undefined;
  return status !== undefined && status >= 3 && status <= 6 ? UNIFIED : undefined;
}

/** The private side of Bybit: v5, unified accounts. */
export const PRIVATE: PrivateSide = {
  needsPassphrase: false,
  origins: {
    live: { rest: 'https://api.bybit.com', websocket: 'wss://stream.bybit.com' },
    demo: { rest: 'https://api-demo.bybit.com', websocket: 'wss://stream-demo.bybit.com' },
  },
  hosts: [
    'api.bytick.com',
    'api-testnet.bybit.com',
    'stream-testnet.bybit.com',
    ...['nl', 'tr', 'kz', 'ae', 'eu', 'id'].map((country) => `api.bybit.${country}`),
    ...['tr', 'id', 'kz'].map((country) => `stream.bybit.${country}`),
    ...['bybitgeorgia.ge', 'manepa.jp'].flatMap((site) => [`api.${site}`, `stream.${site}`]),
  ],
  window: WINDOW,
  sign,
  host: { requests: 600, within: 5 * SECOND },
  limit: ({ path, method }) => ({ requests: LIMITS[path] ?? (method === 'POST' ? WRITES : READS), within: SECOND }),
  judge,
  timeOf: (body) => fromMilliseconds(parsed(body)?.time),
  advice,
  probe: { path: '/v5/account/info', query: {}, signed: true },
  familyOf,
  families: [UNIFIED],
};
