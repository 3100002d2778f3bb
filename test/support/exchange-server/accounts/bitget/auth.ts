import { createHmac } from 'node:crypto';
import type { Desk } from '../desk.js';
import { ApiRefusal, type PrivateRequest, type PrivateRoute } from '../dialect.js';
import type { ApiKey } from '../engine/model.js';

const WINDOW = 30_000;

export function base64(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64');
}

/**
 * Checks what a request proves: time, METHOD, path, query with its question mark, body
 * (https://www.bitget.com/api-doc/common/signature). The account family is looked at before the signature.
 */
export function authenticate(request: PrivateRequest, route: PrivateRoute, desk: Desk, now: number): ApiKey {
  const { headers, method, path, query, body } = request;
  const key = desk.keys.get(headers['access-key'] ?? '');
  if (!key || key.isRevoked) throw new ApiRefusal('40006', 'Invalid ACCESS_KEY');
  checkFamily(key, path, desk);
  if ((key.environment === 'demo') !== (headers.paptrading === '1'))
    throw new ApiRefusal('40099', 'exchange environment is incorrect');
  const time = headers['access-timestamp'] ?? '';
  if (!/^\d{13}$/.test(time)) throw new ApiRefusal('40005', 'Invalid ACCESS_TIMESTAMP');
  const isOld = now - Number(time) > WINDOW && !desk.faults.questions.acceptsOldTimestamps;
  if (isOld || Number(time) - now > WINDOW) throw new ApiRefusal('40008', 'Request timestamp expired');
  const signed = `${time}${method}${path}${query === '' ? '' : `?${query}`}${method === 'GET' ? '' : body}`;
  if (headers['access-sign'] !== base64(key.secret, signed)) {
    desk.violate('bad-signature', `${method} ${path}`);
    throw new ApiRefusal('40009', 'sign signature error');
  }
  checkKey(key, headers['access-passphrase'] ?? '', request.ip, now);
  checkRights(key, path, route);
  return key;
}

function checkFamily({ account }: ApiKey, path: string, desk: Desk): void {
  const isUnifiedPath = path.startsWith('/api/v3/');
  if (account.family === 'unified' && !isUnifiedPath)
    throw new ApiRefusal('40085', 'You are in Unified Account mode, and the Classic Account API is not supported at this time');
  if (account.family === 'classic' && isUnifiedPath)
    throw new ApiRefusal(
      desk.faults.questions.classicCode,
      'You are in Classic Account mode, and the Unified Account API is not supported at this time',
    );
}

function checkKey(key: ApiKey, passphrase: string, ip: string, now: number): void {
  if (passphrase !== key.passphrase) throw new ApiRefusal('40012', 'apikey/password is incorrect');
  if (key.expires !== undefined && key.expires <= now) throw new ApiRefusal('40037', 'Apikey does not exist');
  if (key.ips.length > 0 && !key.ips.includes(ip)) throw new ApiRefusal('40018', 'Invalid IP');
}

function checkRights(key: ApiKey, path: string, { right, writes, hasDemo = true }: PrivateRoute): void {
  if (!hasDemo && key.environment === 'demo') throw new ApiRefusal('40110', 'This endpoint is not supported in demo trading');
  if (right === 'any' || (key[right] !== 'none' && (!writes || key[right] === 'write'))) return;
  throw new ApiRefusal(path.startsWith('/api/v3/') ? '25620' : '40014', 'Incorrect permissions');
}
