import { excerpt } from '../../../model/ndjson.js';
import { retryAfter } from '../../../model/retry-after.js';
import { type CodeMeaning, codeTable, isFields, outcomeOf } from '../../private-rows.js';
import type { Outcome, TradingMode } from '../../private-side.js';
import type { RestAnswer } from '../../rest.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/**
 * Codes of both generations; they are re-used between them with one meaning each. Sources: the error tables of the v2 and v3
 * REST pages of 2025-12; 40004, 40711, 40712, 40768, 40084, 40085, 40099, 40774, 40786 and 24056 from clients and samples.
 */
const CODES = codeTable([
  ['success', undefined, '00000'],
  ['key', 'invalid', '40006 40009 40011 40012 40036 40037 40041'],
  ['key', 'permission', '40014 25620'],
  ['key', 'ip', '40018 40038'],
  ['key', 'permission', '40022 40023 40024 40026 40710 25006 25007'],
  ['clock', undefined, '40004 40005 40008 40078'],
  ['key', 'environment', '40099'],
  ['key', 'family', '40084 40085 25245'],
  ['throttle', undefined, '429 25004'],
  ['unknown', undefined, '40010 40725 45001 40015 25000 25001'],
  ['maintenance', undefined, '40200 40844 41114 25102 25106'],
  ['definite', 'funds', '43012 40754 45002 40762 40711 40712 45120 25202 25203 25219 25230'],
  ['definite', 'price', '45115 45035 43028 41103 43008 43009 40815 40816 43039 43040 22006 22007 22008 22009 40808'],
  ['definite', 'price', '25205 25206 25244 25654 25655'],
  ['definite', 'amount', '45110 45111 43006 43027 22034 22038 45112 43007 40921 25207 25208 25241 25611'],
  ['definite', 'count', '40723 40761 45118 43005 40930 25211 25234 25567'],
  ['gone', undefined, '40109 40768 43001 43004 45057 31007 22001 80011 40819 43020 43025 43033 25204 24056'],
  ['gone', undefined, '45031 45055 50062 25568'],
  ['busy', undefined, '45129 25572 25114'],
  ['duplicate', undefined, '45034 25212 40786 43118'],
  ['definite', 'position', '22002 45003 45006 40746 43029 40757 25226 25227 25231 25225'],
  ['definite', 'reduce-only', '40939 40774 25232 25236 25237 25574'],
  ['definite', 'state', '40920 45117 40730 45097 22020 40893 45116 45009 25107 25570 25008 25012'],
  ['no-change', undefined, '40814 45054 25571'],
  ['definite', 'symbol', '40309 40845 45119 22004 40072 25100 25101 25103 25104 25105 25108'],
  ['definite', 'request', '400172 40034 40017 40019 40020 40304 40305 40306 40912'],
]);

/** Codes of the private socket; the server closes the connection after an error of a login. */
const SOCKET_CODES = codeTable([
  ['success', undefined, '0'],
  ['key', 'invalid', '30005 30011 30012 30015'],
  ['clock', undefined, '30013 30014'],
  ['definite', 'request', '30001 30002 30003 30004 30016'],
  ['throttle', undefined, '30006 30007'],
  ['key', 'family', '40084 40085 25245'],
  ['key', 'environment', '40099'],
]);

/** "Recovery 5 min" after too many requests from one address. */
const BAN = 5 * MINUTE;
const ENDPOINT_PAUSE = SECOND;
const PASSWORDS = new Set(['40011', '40012', '40036', '30012']);

/** The weekly release: Tuesday to Thursday, 14 to 18 h in UTC+8; the widest of what two pages say. */
function isRelease(now: number): boolean {
  const date = new Date(now);
  const hour = date.getUTCHours();
  return date.getUTCDay() >= 2 && date.getUTCDay() <= 4 && hour >= 6 && hour < 10;
}

/** Returns the outcome of a code; 40808 is a price or precision, but within the release window maintenance. */
export function judgeCode(code: string, message: string, now: number): Outcome {
  const meaning: CodeMeaning | undefined = code === '40808' && isRelease(now) ? { class: 'maintenance' } : CODES.get(code);
  return outcomeOf(meaning, code, message);
}

/** Refusals come with status 400 and with 200, so the body is judged first. A body without bytes says nothing. */
export function judge({ status, headers, body }: RestAnswer, now: number): Outcome {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {}
  const code =
    isFields(answer) && (typeof answer.code === 'string' || typeof answer.code === 'number') ? String(answer.code) : undefined;
  const pause = retryAfter(headers, now);
  if (code === undefined || !isFields(answer)) {
    const message = `answered ${status}${body.trim() === '' ? ' without a body' : `: ${excerpt(body)}`}`;
    return status === 429 ? { class: 'ban', message, pause: pause ?? BAN } : { class: 'unknown', message };
  }
  const message = `refused with code ${excerpt(code)}: ${excerpt(answer.msg ?? '')}`;
  const outcome = judgeCode(code, message, now);
  if (outcome.class === 'success')
    return status < 500 ? { ...outcome, message: 'accepted' } : { class: 'unknown', code, message: `answered ${status}` };
  if (outcome.class === 'throttle' || status === 429) return { ...outcome, class: 'throttle', pause: pause ?? ENDPOINT_PAUSE };
  return outcome.class === 'maintenance' ? { ...outcome, pause: pause ?? MINUTE / 2 } : outcome;
}

/** Returns the outcome of an error event of the private socket. */
export function judgeSocket(code: unknown, message: unknown): Outcome {
  const text = String(code);
  return outcomeOf(
    SOCKET_CODES.get(text) ?? CODES.get(text),
    text,
    `refused with code ${excerpt(text)}: ${excerpt(message ?? '')}`,
  );
}

/** Returns the likely cause of an outcome, and what to do. */
export function advice({ class: outcome, cause, code = '' }: Outcome, mode: TradingMode): string {
  const other = mode === 'demo' ? 'live' : 'demo';
  if (outcome === 'clock') return 'the clock of this host is probably wrong: set it, for example with timedatectl set-ntp true';
  if (outcome === 'ban') return 'too many requests from this address: wait five minutes';
  if (outcome === 'throttle') return 'too many requests: wait a moment and use fewer programs on this key';
  if (outcome === 'maintenance') return 'the exchange is being updated: try again later';
  if (outcome !== 'key') return outcome === 'unknown' ? 'what became of the request is not known: try again' : '';
  if (cause === 'environment')
    return `this is probably a ${other} key used as a ${mode} key: add it again ${other === 'demo' ? 'with' : 'without'} --demo`;
  if (cause === 'family')
    return 'the account is of the other family (unified or classic), or is being changed: run mdtool keys test again in a minute';
  if (cause === 'ip') return 'the key is bound to other IP addresses: add the address of this host to the key on the exchange';
  if (cause === 'permission')
    return 'the key lacks a permission (unified accounts: "UTA management" and "UTA trade", read) or the account is frozen: change it on the exchange';
  if (PASSWORDS.has(code)) return 'the passphrase is probably wrong: add the key again with mdtool keys add';
  return 'the key or its secret is wrong, or the key was deleted: add it again with mdtool keys add';
}
