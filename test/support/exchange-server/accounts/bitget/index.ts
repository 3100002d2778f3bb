import { ApiRefusal, type Dialect, type PrivateRequest, type Reply } from '../dialect.js';
import { authenticate } from './auth.js';
import { bad, translate } from './calls.js';
import { CLASSIC_ROUTES } from './classic.js';
import { beat, pushes, receive } from './socket.js';
import { RULES } from './terms.js';
import { UNIFIED_ROUTES } from './unified.js';

const OWN = /^\/api\/(?:v2\/mix\/(?:account|position|order)|v2\/spot\/account|v3\/(?:account|trade|position|user))\//;

function envelope(code: string, msg: string, data: unknown, now: number): string {
  return JSON.stringify({ code, msg, requestTime: now, data });
}

/** Most failures come as HTTP 400; those of the unified API's order checks as 200. */
function refusal({ code, message, status }: ApiRefusal, now: number): Reply {
  return { status: status ?? (/^25\d{3}$/.test(code) ? 200 : 400), body: envelope(code, message, null, now), headers: {} };
}

/** Bitget: classic accounts on v2, unified accounts on v3. */
export const BITGET: Dialect = {
  id: 'bitget',
  rules: RULES,
  takerFee: '0.0006',
  sharesDemoHost: true,
  hasPassphrase: true,
  secondDemo: { family: 'classic', about: 'a classic demo account (API v2)' },
  host: { most: 6_000, window: 60_000, ban: 300_000 },
  routes: new Map([...CLASSIC_ROUTES, ...UNIFIED_ROUTES]),
  sockets: ['/v2/ws/private', '/v3/ws/private'],
  owns: (path) => OWN.test(path),
  keyOf: ({ headers }: PrivateRequest) => headers['access-key'] ?? '',
  authenticate,
  success: (result, now) => envelope('00000', 'success', result, now),
  refusal,
  translate,
  badParameter: bad,
  unknownPath: () => new ApiRefusal('40404', 'Request URL NOT FOUND', 404),
  maintenance: ({ path }) =>
    path.startsWith('/api/v3/')
      ? new ApiRefusal('25102', 'The symbol is under maintenance')
      : new ApiRefusal('40200', 'Server upgrade, please try again later'),
  throttled: () => ({
    status: 429,
    body: '{"code":"429","msg":"Too Many Requests"}',
    headers: { 'x-mbx-used-remain-limit': '0' },
  }),
  hostLimited: () => ({ status: 429, body: '{"code":"429","msg":"Too Many Requests"}', headers: {} }),
  limitHeaders: (_limit, left) => ({ 'x-mbx-used-remain-limit': String(left) }),
  receive,
  pushes,
  beat,
};
