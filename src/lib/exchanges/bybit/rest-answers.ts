import { FailureError } from '../../model/errors.js';
import { excerpt } from '../../model/ndjson.js';
import { finite } from '../../model/numbers.js';
import { retryAfter } from '../../model/retry-after.js';
import { fromMilliseconds } from '../../model/time.js';
import type { HttpRequest, ServerClock } from '../exchange.js';
import type { RestAnswer, RestRules, RestVerdict } from '../rest.js';
import { type Fields, isFields } from './fields.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** `retCode`s of faults that pass: server time-out, server error, system-level protection. */
const PASSING: ReadonlySet<unknown> = new Set([10_000, 10_016, 10_429]);
const RATE_LIMIT = 10_006;
/** "Stop all HTTP for at least 10 minutes"; the ban lifts by itself. */
const BAN = 10 * MINUTE;
/** Where 10006 does not say when its limit begins anew. */
const LIMIT_PAUSE = 5 * SECOND;

/** 600 requests in 5 seconds from one address; public endpoints have no limits of their own. */
export const REST: RestRules = {
  host: { requests: 600, within: 5 * SECOND },
  limit: () => undefined,
  judge,
};

const TIME: HttpRequest = { path: '/v5/market/time', query: {} };

/** Every answer carries the server's time in milliseconds. */
export const CLOCK: ServerClock = {
  request: TIME,
  parse(body) {
    const { time } = answerOf(TIME, body, 'time');
    if (time === undefined) throw new FailureError(`bybit time: expected a time, was ${excerpt(body)}`);
    return time;
  },
};

/**
 * Refusals are bodies with status 200. A 403 is the ban of an address that asked too often, or of a country: only the
 * first says "access too frequent".
 */
function judge({ status, headers, body }: RestAnswer, now: number): RestVerdict {
  if (status === 403 && /too frequent/i.test(body))
    return { kind: 'throttled', scope: 'host', pause: BAN, reason: `answered 403: ${excerpt(body)}` };
  const answer = parsed(body);
  const code = isFields(answer) ? answer.retCode : undefined;
  const reason =
    code === undefined
      ? `answered ${status}: ${excerpt(body)}`
      : `refused with retCode ${excerpt(code)}: ${excerpt((answer as Fields).retMsg)}`;
  const asked = retryAfter(headers, now);
  if (code === RATE_LIMIT || status === 429) return { kind: 'throttled', scope: 'endpoint', reason, ...pauseOf(headers, now) };
  if (status === 503 && asked !== undefined) return { kind: 'throttled', scope: 'endpoint', pause: asked, reason };
  if (PASSING.has(code) || status >= 500) return { kind: 'fault', reason };
  if (status === 200 && code === 0) return { kind: 'data' };
  return { kind: status === 200 && code === undefined ? 'fault' : 'refusal', reason };
}

/** A `Retry-After` counts before `X-Bapi-Limit-Reset-Timestamp`, which is milliseconds since the epoch. */
function pauseOf(headers: RestAnswer['headers'], now: number): { pause: number; isEstimate?: boolean } {
  const asked = retryAfter(headers, now);
  if (asked !== undefined) return { pause: asked };
  const reset = finite(headers['x-bapi-limit-reset-timestamp']);
  if (reset === undefined) return { pause: LIMIT_PAUSE, isEstimate: true };
  return { pause: Math.min(Math.max(reset - now, SECOND), MINUTE) };
}

/** Returns the `result` of a REST answer. Throws a `FailureError` when the exchange refused; `what` was asked for. */
export function parseResult(request: HttpRequest, body: string, what: string): Fields {
  return answerOf(request, body, what).result;
}

/** Returns the `result` of a REST answer and, in microseconds, its time. Throws a `FailureError` when the exchange refused. */
export function answerOf(request: HttpRequest, body: string, what: string): { result: Fields; time: number | undefined } {
  const answer = parsed(body);
  if (answer === undefined) throw new FailureError(`bybit ${what}: expected JSON, was ${excerpt(body)}`);
  if (!isFields(answer)) throw new FailureError(`bybit ${what}: expected a JSON object, was ${excerpt(body)}`);
  if (answer.retCode !== 0)
    throw new FailureError(
      `bybit refused ${request.path} (${new URLSearchParams(request.query)}): retCode ${excerpt(answer.retCode)}, ${excerpt(answer.retMsg)}`,
    );
  if (!isFields(answer.result)) throw new FailureError(`bybit ${what}: expected a result, was none: try again later`);
  return { result: answer.result, time: fromMilliseconds(answer.time) };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
