import { describe, expect, it } from 'vitest';
import { PRIVATE as BITGET } from '../../../src/lib/exchanges/bitget/private/index.js';
import { PRIVATE as BYBIT } from '../../../src/lib/exchanges/bybit/private/index.js';
import type { Outcome, PrivateSide } from '../../../src/lib/exchanges/private-side.js';

/** Wednesday, 07:00 UTC: within Bitget's release window. */
const RELEASE = Date.UTC(2026, 10, 25, 7);
const NOON = Date.UTC(2026, 10, 28, 12);

const bitget = (code: string, status = 400, now = NOON) =>
  BITGET.judge({ status, headers: {}, body: JSON.stringify({ code, msg: 'm', requestTime: now, data: null }) }, now);
const bybit = (retCode: number, status = 200) =>
  BYBIT.judge({ status, headers: {}, body: JSON.stringify({ retCode, retMsg: 'm', result: {}, time: NOON }) }, NOON);

/** The rows of the pages' tables, as they stand there. */
const BITGET_TABLE: Readonly<Record<string, string>> = {
  'key invalid': '40006 40009 40011 40012 40036 40037 40041',
  'key permission': '40014 40022 40023 40024 40026 40710 25620 25006 25007',
  'key ip': '40018 40038',
  'key environment': '40099',
  'key family': '40084 40085 25245',
  clock: '40004 40005 40008 40078',
  throttle: '429 25004',
  unknown: '40010 40725 45001 40015 25000 25001 99999',
  maintenance: '40200 40844 41114 25102 25106',
  'definite funds': '43012 40754 45002 40762 40711 40712 45120 25202 25203 25219 25230',
  'definite price':
    '45115 45035 43028 41103 43008 43009 40815 40816 43039 43040 22006 22007 22008 22009 40808 25205 25206 25244 25654 25655',
  'definite amount': '45110 45111 43006 43027 22034 22038 45112 43007 40921 25207 25208 25241 25611',
  'definite count': '40723 40761 45118 43005 40930 25211 25234 25567',
  gone: '40109 40768 43001 43004 45057 31007 22001 80011 40819 43020 43025 43033 25204 24056 45031 45055 50062 25568',
  duplicate: '45034 25212 40786 43118',
  busy: '45129 25572 25114',
  'definite position': '22002 45003 45006 40746 43029 40757 25226 25227 25231 25225',
  'definite reduce-only': '40939 40774 25232 25236 25237 25574',
  'definite state': '40920 45117 40730 45097 22020 40893 45116 45009 25107 25570 25008 25012',
  'no-change': '40814 45054 25571',
  'definite symbol': '40309 40845 45119 22004 40072 25100 25101 25103 25104 25105 25108',
};
const BYBIT_TABLE: Readonly<Record<string, string>> = {
  'key environment': '10003',
  'key invalid': '10004 10007 10027 -2015',
  'key permission': '10005 10008',
  'key ip': '10010',
  'key expired': '33004',
  'key family': '10028 110088',
  clock: '10002 -1',
  throttle: '10006 10429 170005 170222',
  region: '10009 10024 110132',
  'region terms': '110123 110124 110125 110136',
  unknown: '10000 10016 170007 170146 170147 170001 10014 987654',
  'definite request': '10001 10017 10029 110019 110032',
  'definite funds': '110004 110006 110007 110012 110044 110045 110051 110052 110053 110047',
  'definite risk': '110013 110090 110086 110089 110085 110021 110040 110039 110048',
  'definite count': '110020 110009 110061',
  'definite price': '110003 30208 30209 110120 110121',
  'definite amount': '110094',
  'definite position': '110017 110034 110005',
  'definite reduce-only': '110023 110022',
  duplicate: '110072 170141',
  gone: '110001 110008 110010 170213 170139 170142',
  busy: '110079',
  'no-change': '110025 110026 110027 110043 34040',
  'definite symbol': '110074 110063 110066 30228 110042 110095 110096 110097 110098 110099 110100 110101 110102 110103',
};

const nameOf = ({ class: outcome, cause }: Outcome) => (cause === undefined ? outcome : `${outcome} ${cause}`);
const found = (codes: string, judge: (code: string) => Outcome) =>
  Object.fromEntries(codes.split(' ').map((code) => [code, nameOf(judge(code))]));
const wanted = (codes: string, name: string) => Object.fromEntries(codes.split(' ').map((code) => [code, name]));

describe('codes of signed requests', () => {
  it.each(Object.entries(BITGET_TABLE))('bitget: %s', (name, codes) => {
    expect(found(codes, (code) => bitget(code))).toEqual(wanted(codes, name));
    // A refusal with status 200 means the same.
    expect(found(codes, (code) => bitget(code, 200))).toEqual(wanted(codes, name));
  });

  it.each(Object.entries(BYBIT_TABLE))('bybit: %s', (name, codes) => {
    expect(found(codes, (code) => bybit(Number(code)))).toEqual(wanted(codes, name));
  });

  it('success is the code alone, and of a server that failed it is none', () => {
    expect([bitget('00000', 200).class, bybit(0).class]).toEqual(['success', 'success']);
    expect([bitget('00000', 502).class, bybit(0, 502).class]).toEqual(['unknown', 'unknown']);
  });

  it('bitget: 40808 is maintenance within the release window, else definite', () => {
    expect(nameOf(bitget('40808', 400, RELEASE))).toBe('maintenance');
    expect(nameOf(bitget('40808', 400, RELEASE + 4 * 3_600_000))).toBe('definite price');
  });

  it.each<[string, PrivateSide, number, string, string, number | undefined]>([
    ['an empty answer', BITGET, 200, '', 'unknown', undefined],
    ['an empty answer', BYBIT, 200, '', 'unknown', undefined],
    ['a page of a proxy', BITGET, 502, '<html>', 'unknown', undefined],
    ['a page of a proxy', BYBIT, 503, '<html>', 'unknown', undefined],
    ['a ban of the address', BITGET, 429, '', 'ban', 300_000],
    ['a ban of the address', BYBIT, 403, 'access too frequent', 'ban', 600_000],
    ['a forbidden country', BYBIT, 403, '<html>CloudFront</html>', 'region', undefined],
    ['a missing path', BYBIT, 404, 'not found', 'definite', undefined],
  ])('%s (%#)', (_, side, status, body, outcome, pause) => {
    expect(side.judge({ status, headers: {}, body }, NOON)).toMatchObject({ class: outcome, ...(pause && { pause }) });
  });

  it('bybit: a rate limit lasts until the time that the header names', () => {
    const headers = { 'x-bapi-limit-reset-timestamp': String(NOON + 740) };
    const outcome = BYBIT.judge({ status: 200, headers, body: '{"retCode":10006,"retMsg":"m"}' }, NOON);
    expect(outcome).toMatchObject({ class: 'throttle', pause: 740 });
  });

  it('every class that ends a run has advice, and each key problem its own', () => {
    for (const side of [BITGET, BYBIT]) {
      const causes = ['invalid', 'permission', 'ip', 'environment', 'family'] as const;
      const texts = causes.map((cause) => side.advice({ class: 'key', cause, message: '' }, 'live'));
      expect(new Set(texts).size).toBe(causes.length);
      expect(side.advice({ class: 'key', cause: 'environment', message: '' }, 'live')).toContain('demo key');
      expect(side.advice({ class: 'clock', message: '' }, 'live')).toContain('clock');
    }
  });
});
