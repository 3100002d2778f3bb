import { FailureError } from '../../model/errors.js';
import { excerpt } from '../../model/ndjson.js';
import { retryAfter } from '../../model/retry-after.js';
import { fromMilliseconds } from '../../model/time.js';
import type { HttpRequest, ServerClock } from '../exchange.js';
import type { RestAnswer, RestRules, RestVerdict } from '../rest.js';
import { parseFrame } from './exact-json.js';
import { type Fields, isFields } from './fields.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** The endpoints that allow 10 requests a second instead of 20. */
const SLOWER: ReadonlySet<string> = new Set([
  '/api/v2/spot/market/fills',
  '/api/v2/spot/market/fills-history',
  '/api/v2/mix/market/fills-history',
]);

/** Refusals that pass: the service is busy, restarting or updating (45001, 40725, 40808, 40015). */
const PASSING: ReadonlySet<unknown> = new Set(['45001', '40725', '40808', '40015']);

/** "Recovery 5 min" after too many requests, of which no header says how long; common introduction, since 2025-08-11. */
const RECOVERY = 5 * MINUTE;

/** 6000 requests a minute from one address, and 20 or 10 a second to one endpoint. */
export const REST: RestRules = {
  host: { requests: 6_000, within: MINUTE },
  limit: ({ path }) => ({ requests: SLOWER.has(path) ? 10 : 20, within: SECOND }),
  judge,
};

const TIME: HttpRequest = { path: '/api/v2/public/time', query: {} };

/** `data.serverTime` is milliseconds as text. */
export const CLOCK: ServerClock = {
  request: TIME,
  parse(body) {
    const answer = parsed(body);
    const data = isFields(answer) ? answer.data : undefined;
    const time = fromMilliseconds(isFields(data) ? data.serverTime : undefined);
    if (time === undefined) throw new FailureError(`${describe(TIME)}: expected data.serverTime, was ${excerpt(body)}`);
    return time;
  },
};

/** Refusals have status 400 or 200; the limit of an endpoint and that of the address both as 429. */
function judge({ status, headers, body }: RestAnswer, now: number): RestVerdict {
  const answer = parsed(body);
  const code = isFields(answer) ? answer.code : undefined;
  const reason = `answered ${status}${code === undefined ? '' : `, code ${excerpt(code)}: ${excerpt((answer as Fields).msg)}`}`;
  // No `Retry-After` is documented; one that arrives is obeyed.
  const asked = retryAfter(headers, now);
  if (status === 429 || code === '429')
    return { kind: 'throttled', scope: 'endpoint', pause: asked ?? RECOVERY, isEstimate: asked === undefined, reason };
  if (status === 503 && asked !== undefined) return { kind: 'throttled', scope: 'endpoint', pause: asked, reason };
  if (PASSING.has(code) || status >= 500) return { kind: 'fault', reason };
  if (status === 200 && code === '00000') return { kind: 'data' };
  // A body without bytes has been seen with status 200.
  return { kind: status === 200 && code === undefined ? 'fault' : 'refusal', reason };
}

/** Returns how messages name a request. */
export function describe({ path, query }: HttpRequest): string {
  const parameters = new URLSearchParams(query).toString();
  return `bitget GET ${path}${parameters && '?'}${parameters}`;
}

/** Returns the rows of a REST answer. Throws a `FailureError` that begins with `what` when the exchange refused. */
export function parseRows(body: string, what: string): readonly unknown[] {
  return answerOf(body, what).rows;
}

/** Returns the rows of a REST answer and, in microseconds, its time. Throws a `FailureError` when the exchange refused. */
export function answerOf(body: string, what: string): { rows: readonly unknown[]; time: number | undefined } {
  const answer = parsed(body);
  if (answer === undefined) throw new FailureError(`${what}: expected JSON, was ${excerpt(body) || 'empty'}`);
  if (!isFields(answer)) throw new FailureError(`${what}: expected {code, msg, data}, was ${excerpt(body)}`);
  if (answer.code !== '00000')
    throw new FailureError(`${what}: refused with code ${excerpt(answer.code)}: ${excerpt(answer.msg)}`);
  if (!Array.isArray(answer.data)) throw new FailureError(`${what}: expected data to be a list, was ${excerpt(answer.data)}`);
  return { rows: answer.data, time: fromMilliseconds(answer.requestTime) };
}

/** Ids of trades exceed 2^53 and are kept exactly. */
function parsed(body: string): unknown {
  try {
    return parseFrame(body);
  } catch {
    return undefined;
  }
}
