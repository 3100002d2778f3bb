import { createHmac } from 'node:crypto';
import type { Desk } from '../desk.js';
import { ApiRefusal, type PrivateRequest, type PrivateRoute } from '../dialect.js';
import type { ApiKey, Environment } from '../engine/model.js';

const DEFAULT_WINDOW = 5_000;
const AHEAD = 1_000;
const REGION = { status: 403, body: '<html><body>403 Forbidden</body></html>', headers: {} };

export function hex(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('hex');
}

/**
 * Checks what a request proves: GET signs time, key, window and the query as it travelled; POST the body
 * (https://bybit-exchange.github.io/docs/v5/guide). The window is `server − window ≤ time < server + 1 s`.
 */
export function authenticate(request: PrivateRequest, route: PrivateRoute, desk: Desk, now: number): ApiKey {
  const { headers, method, query, body, environment } = request;
  if (method === 'GET' && body !== '') throw new ApiRefusal('403', 'a GET with a body', 403, REGION);
  const name = headers['x-bapi-api-key'] ?? '';
  const key = keyOn(desk, name, environment);
  const time = headers['x-bapi-timestamp'] ?? '';
  const window = headers['x-bapi-recv-window'] ?? String(DEFAULT_WINDOW);
  const stamp = Number(time);
  const isOld = stamp < now - Number(window) && !desk.faults.questions.acceptsOldTimestamps;
  if (!/^\d+$/.test(time) || !/^\d+$/.test(window) || isOld || stamp >= now + AHEAD) {
    const seen = `req_timestamp[${time}],server_timestamp[${now}],recv_window[${window}]`;
    throw new ApiRefusal('10002', `invalid request, please check your server timestamp or recv_window param. ${seen}`);
  }
  const signed = time + name + window + (method === 'GET' ? query : body);
  if (headers['x-bapi-sign'] !== hex(key.secret, signed)) {
    desk.violate('bad-signature', `${method} ${request.path}`);
    throw new ApiRefusal('10004', `Error sign, please check your signature generation algorithm. origin_string[${signed}]`);
  }
  checkKey(key, request.ip, now);
  checkRights(key, route);
  return key;
}

/** Returns a key that belongs to the host; a key of another environment is as unknown as none. */
export function keyOn(desk: Desk, name: string, environment: Environment): ApiKey {
  const key = desk.keys.get(name);
  if (key && !key.isRevoked && key.environment === environment) return key;
  throw new ApiRefusal(
    '10003',
    'API key is invalid. Check whether the key and domain are matched: mainnet, testnet, mainnet-demo, testnet-demo.',
  );
}

export function checkKey(key: ApiKey, ip: string, now: number): void {
  if (key.expires !== undefined && key.expires <= now) throw new ApiRefusal('33004', 'Your api key has expired.');
  if (key.ips.length > 0 && !key.ips.includes(ip))
    throw new ApiRefusal('10010', "Unmatched IP, please check your API key's bound IP addresses.");
}

function checkRights(key: ApiKey, { right, writes, hasDemo = true }: PrivateRoute): void {
  if (key.account.family === 'classic') throw new ApiRefusal('10028', 'The API can only be accessed by unified account users.');
  if (!hasDemo && key.environment === 'demo') throw new ApiRefusal('10032', 'Demo trading are not supported.');
  if (right === 'any') return;
  if (key[right] === 'none' || (writes && key[right] !== 'write'))
    throw new ApiRefusal('10005', 'Permission denied, please check your API key permissions.');
}
