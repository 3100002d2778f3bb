import type { SigningContext, WireBytes } from '../../private-side.js';

/**
 * Returns the headers of a signed request: base64 of HMAC-SHA256 over timestamp, method, path, `?` and query, body. Demo keys
 * use the live host and one more header, which is not signed. Source: Bitget, "Signature" of the common introduction.
 */
export function sign({ method, path, query, body }: WireBytes, context: SigningContext): Record<string, string> {
  const timestamp = String(context.timestamp);
  const text = `${timestamp}${method}${path}${query === '' ? '' : `?${query}`}${body}`;
  return {
    'ACCESS-KEY': context.key,
    'ACCESS-SIGN': context.hmac(text, 'base64'),
    'ACCESS-TIMESTAMP': timestamp,
    'ACCESS-PASSPHRASE': context.passphrase ?? '',
    'Content-Type': 'application/json',
    locale: 'en-US',
    ...(context.mode === 'demo' && { paptrading: '1' }),
  };
}

/** Returns the message that logs a private connection in; its timestamp is seconds. */
export function login({ key, passphrase = '', hmac, timestamp }: SigningContext): string {
  const seconds = String(Math.floor(timestamp / 1_000));
  const sign = hmac(`${seconds}GET/user/verify`, 'base64');
  return JSON.stringify({ op: 'login', args: [{ apiKey: key, passphrase, timestamp: seconds, sign }] });
}
