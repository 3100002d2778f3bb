import { excerpt } from '../../../model/ndjson.js';
import { finite } from '../../../model/numbers.js';
import { retryAfter } from '../../../model/retry-after.js';
import { codeTable, isFields, outcomeOf } from '../../private-rows.js';
import type { Outcome, TradingMode } from '../../private-side.js';
import type { RestAnswer } from '../../rest.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** `retCode`s. Source: `docs/v5/error.mdx` of the documentation. */
const CODES = codeTable([
  ['success', undefined, '0'],
  ['key', 'environment', '10003'],
  ['key', 'invalid', '10004 10007 10027 -2015'],
  ['key', 'permission', '10005 10008'],
  ['key', 'ip', '10010'],
  ['key', 'expired', '33004'],
  ['key', 'family', '10028 110088'],
  ['clock', undefined, '10002 -1'],
  ['throttle', undefined, '10006 10429 170005 170222'],
  ['region', undefined, '10009 10024 110132'],
  ['region', 'terms', '110123 110124 110125 110136'],
  ['unknown', undefined, '10000 10016 170007 170146 170147 170001 10014'],
  ['definite', 'request', '10001 10017 10029 110019 110032'],
  ['definite', 'funds', '110004 110006 110007 110012 110044 110045 110051 110052 110053 110047'],
  ['definite', 'risk', '110013 110090 110086 110089 110085 110021 110040 110039 110048'],
  ['definite', 'count', '110020 110009 110061'],
  ['definite', 'price', '110003 30208 30209 110120 110121'],
  ['definite', 'amount', '110094'],
  ['definite', 'position', '110017 110034 110005'],
  ['definite', 'reduce-only', '110023 110022'],
  ['definite', 'state', '110024 110028 110029 110036 110038 3400045'],
  ['duplicate', undefined, '110072 170141'],
  ['gone', undefined, '110001 110008 110010 170213 170139 170142'],
  ['busy', undefined, '110079'],
  ['no-change', undefined, '110025 110026 110027 110043 34040'],
  ['definite', 'symbol', '110074 110063 110066 30228 110042 110095 110096 110097 110098 110099 110100 110101 110102 110103'],
]);

/** "Stop all HTTP for at least 10 minutes"; the ban lifts by itself. */
const BAN = 10 * MINUTE;

/** Returns the outcome of a code; 10001 of an unchanged setting says so in words only, which change nothing here. */
export function judgeCode(code: string, message: string): Outcome {
  return outcomeOf(CODES.get(code), code, message);
}

function forbidden(body: string, message: string): Outcome {
  return /too frequent/i.test(body) ? { class: 'ban', message, pause: BAN } : { class: 'region', message };
}

/** Refusals are bodies with status 200. A 403 is the ban of an address only where it says so; else it is the country. */
export function judge({ status, headers, body }: RestAnswer, now: number): Outcome {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {}
  const code = isFields(answer) && answer.retCode !== undefined ? String(answer.retCode) : undefined;
  const said = body.trim() === '' ? ' without a body' : `: ${excerpt(body)}`;
  if (status === 403) return forbidden(body, `answered 403${said}`);
  if (status === 404) return { class: 'definite', cause: 'request', code, message: `answered 404${said}` };
  if (code === undefined || !isFields(answer)) {
    const message = `answered ${status}${said}`;
    return status === 429
      ? { class: 'throttle', message, pause: retryAfter(headers, now) ?? SECOND }
      : { class: 'unknown', message };
  }
  const outcome = judgeCode(code, `refused with retCode ${excerpt(code)}: ${excerpt(answer.retMsg ?? '')}`);
  if (outcome.class === 'success')
    return status === 200 ? { ...outcome, message: 'accepted' } : { class: 'unknown', code, message: `answered ${status}` };
  if (outcome.class !== 'throttle' && status !== 429) return outcome;
  const reset = finite(headers['x-bapi-limit-reset-timestamp']);
  return {
    ...outcome,
    class: 'throttle',
    pause: retryAfter(headers, now) ?? Math.max(SECOND / 10, (reset ?? now + SECOND) - now),
  };
}

/** Returns the outcome of a refused operation of the socket, which names no code for a login: its words decide. */
export function judgeSocket(text: string): Outcome {
  const message = `refused: ${excerpt(text)}`;
  const code = /\b(1000[2-9]|10010|33004)\b/.exec(text)?.[1];
  if (code !== undefined) return judgeCode(code, message);
  if (/expire|timestamp|time.?out of|recv_window/i.test(text)) return { class: 'clock', message };
  if (/\bip\b/i.test(text)) return { class: 'key', cause: 'ip', message };
  if (/permission/i.test(text)) return { class: 'key', cause: 'permission', message };
  if (/key|sign|auth|login|environment/i.test(text)) return { class: 'key', cause: 'invalid', message };
  return { class: 'unknown', message };
}

/** Returns the likely cause of an outcome, and what to do. */
export function advice({ class: outcome, cause }: Outcome, mode: TradingMode): string {
  const other = mode === 'demo' ? 'live' : 'demo';
  if (outcome === 'clock') return 'the clock of this host is probably wrong: set it, for example with timedatectl set-ntp true';
  if (outcome === 'ban') return 'too many requests from this address: wait ten minutes';
  if (outcome === 'throttle') return 'too many requests: wait a moment and use fewer programs on this key';
  if (outcome === 'maintenance') return 'the exchange is being updated: try again later';
  if (cause === 'terms') return 'terms must be accepted, or a waiting time must pass, on the site of the exchange';
  if (outcome === 'region')
    return 'the exchange does not serve this country from this host: waiting does not help; use your own regional site';
  if (outcome !== 'key') return outcome === 'unknown' ? 'what became of the request is not known: try again' : '';
  if (cause === 'environment')
    return `the key is wrong, or it is a ${other} key used as a ${mode} key: add it again ${other === 'demo' ? 'with' : 'without'} --demo`;
  if (cause === 'family') return 'the account is not unified (UTA 2.0): upgrade it on the exchange';
  if (cause === 'ip') return 'the key is bound to other IP addresses: add the address of this host to the key on the exchange';
  if (cause === 'expired') return 'the key has expired: make a new one on the exchange and bind it to an IP address';
  if (cause === 'permission') return 'the key lacks a permission (read: Orders and Positions, Wallet): change it on the exchange';
  return 'the key or its secret is wrong, or the key was deleted: add it again with mdtool keys add';
}
