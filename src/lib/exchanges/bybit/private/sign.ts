import type { SigningContext, WireBytes } from '../../private-side.js';

/** Milliseconds after its timestamp in which a request is accepted. A longer one would prolong every doubt about an order. */
export const WINDOW = 5_000;
/** Milliseconds for which a login is signed ahead. */
const LOGIN_AHEAD = 10_000;

/**
 * Returns the headers of a signed request: lower-case hex of HMAC-SHA256 over timestamp, key, window, and the query of a GET or
 * the body of a POST. Source: Bybit v5, "Integration guidance".
 */
export function sign({ method, query, body }: WireBytes, context: SigningContext): Record<string, string> {
  const timestamp = String(context.timestamp);
  const text = `${timestamp}${context.key}${WINDOW}${method === 'GET' ? query : body}`;
  return {
    'X-BAPI-API-KEY': context.key,
    'X-BAPI-TIMESTAMP': timestamp,
    'X-BAPI-RECV-WINDOW': String(WINDOW),
    'X-BAPI-SIGN': context.hmac(text, 'hex'),
    ...(method === 'POST' && { 'Content-Type': 'application/json' }),
  };
}

/** Returns the message that logs a private connection in. */
export function login({ key, hmac, timestamp }: SigningContext): string {
  const expires = timestamp + LOGIN_AHEAD;
  return JSON.stringify({ req_id: 'login', op: 'auth', args: [key, expires, hmac(`GET/realtime${expires}`, 'hex')] });
}
