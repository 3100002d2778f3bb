import { afterEach, describe, expect, it } from 'vitest';
import type { HistoryQuery, HistoryRecord } from '../../../src/lib/exchanges/history.js';
import { exchangeOf } from '../../../src/lib/exchanges/index.js';
import { fetchHistory } from '../../../src/lib/history/fetch.js';
import { RefusedError, RestClient } from '../../../src/lib/history/rest-client.js';
import { type Span, united } from '../../../src/lib/model/span.js';
import { HOUR } from '../../../src/lib/model/time.js';
import { createHttpClient } from '../../../src/lib/transport/http.js';
import type { Timing } from '../../../src/lib/transport/timing.js';
import { type StartOptions, startExchangeServer } from '../../support/exchange-server/index.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A server and a client of it whose pauses pass at once, for the client and for the rules of the server. */
async function world(id: string, options: StartOptions = {}, timeout = 30_000) {
  const server = await startExchangeServer(id, { clock: 'manual', symbols: { linear: 1 }, strangers: false, ...options });
  const http = await createHttpClient({ userAgent: 'mdtool/test', timeout, retries: 0 });
  closing.push(
    () => server.close(),
    () => http.close(),
  );
  const pauses: number[] = [];
  let skipped = 0;
  const timing: Timing = {
    random: () => 1,
    now: () => performance.now() + skipped,
    sleep: async (milliseconds) => {
      pauses.push(milliseconds);
      skipped += milliseconds;
      server.skipRuleTime(milliseconds);
    },
  };
  const exchange = exchangeOf(id);
  const client = new RestClient({ http, origin: () => server.restUrl, timing, share: 1 });
  const get = () => client.get(exchange, { path: id === 'bitget' ? '/api/v2/public/time' : '/v5/market/time', query: {} });
  return { server, exchange, client, pauses, get };
}

describe.each(['bitget', 'bybit'])('an answer of %s', (id) => {
  it.each([
    ['is a page of HTML', { kind: 'html' }],
    ['is half of its text', { kind: 'half' }],
    ['is cut in the middle of its body', { kind: 'cut-body' }],
    ['comes byte by byte and takes too long', { kind: 'dribbled', milliseconds: 4_000 }],
  ] as const)('that %s is asked for again', async (_, fault) => {
    const { server, pauses, get } = await world(id, {}, fault.kind === 'dribbled' ? 200 : 30_000);
    server.faults.http(fault);
    expect(JSON.parse(await get())).toBeTypeOf('object');
    expect(pauses.length).toBeGreaterThan(0);
  });

  it('that comes byte by byte is taken when it is whole', async () => {
    const { server, pauses, get } = await world(id);
    server.faults.http({ kind: 'dribbled', milliseconds: 100 });
    expect(JSON.parse(await get())).toBeTypeOf('object');
    expect([server.requests, pauses]).toEqual([1, []]);
  });

  it.each([
    ['a refusal of the rate', undefined, 'seconds'],
    ['a refusal of the rate', undefined, 'date'],
    ['status 429', 429, 'date'],
    ['status 503', 503, 'seconds'],
    ['status 503', 503, 'date'],
  ] as const)('that is %s (%s) with Retry-After in %s is waited for that long', async (_, status, form) => {
    const { server, pauses, get } = await world(id);
    server.faults.http({ kind: 'rate-limit', retryAfter: { seconds: 20, form }, ...(status && { status }) });
    expect(JSON.parse(await get())).toBeTypeOf('object');
    expect(server.violations).toEqual([]);
    const [pause = 0] = pauses.filter((one) => one > 0);
    expect(pause).toBeGreaterThan(18_000);
    expect(pause).toBeLessThanOrEqual(20_000);
  });
});

/** Everything that the pages of a query hold, and what they cover; a refusal counts as an end. */
async function fetched({ client, exchange }: Awaited<ReturnType<typeof world>>, query: HistoryQuery, now: number) {
  const records: HistoryRecord[] = [];
  let covered: Span[] = [];
  let refusal: string | undefined;
  try {
    for await (const page of fetchHistory(client, exchange, query, () => now)) {
      records.push(...page.records);
      if (page.last && page.covered) covered = united([...covered, page.covered]);
    }
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    refusal = error.message;
  }
  return { records, covered, refusal };
}

const CANDLES = [
  ['bitget', 'candle'],
  ['bybit', 'candle'],
] as const;
const TRADES = [['bitget', 'trade']] as const;
const BOTH = [...CANDLES, ...TRADES] as const;

/** Trades come at any time: that a range of theirs ends a minute early cannot be seen. Bars come every minute. */
const RANGES = [
  ['excludes its start', { start: 1 }, BOTH],
  ['includes its end', { end: 1 }, BOTH],
  ['excludes its end', { end: -1 }, BOTH],
  ['begins a minute early', { start: -60_000 }, BOTH],
  ['begins a minute late', { start: 60_000 }, CANDLES],
  ['ends a minute late', { end: 60_000 }, BOTH],
  ['has no start', { start: 'ignored' }, BOTH],
  ['has no end', { end: 'ignored' }, BOTH],
  ['includes the id of its cursor', { hasInclusiveCursor: true }, TRADES],
] as const;

describe.each(RANGES)('history whose range %s', (_, range, lists) => {
  it.each(lists)('of %s: no %s inside of what counts as covered is missing or comes from elsewhere', async (id, type) => {
    const history = { trades: 3_000, duration: (6 * HOUR) / 1_000 };
    const made = await world(id, { history });
    const { server } = made;
    const now = server.now() * 1_000;
    const query: HistoryQuery = { type, market: 'linear', symbol: 'BTCUSDT', from: now - 5 * HOUR, until: now - 2 * HOUR };
    const asked = type === 'candle' ? { ...query, interval: '1m' } : query;
    const truth = await fetched(made, asked, now);
    expect(truth.covered).toEqual([{ from: query.from, until: query.until }]);
    const requests = server.requests;
    server.faults.list({ range, path: /candles|kline|fills-history/ });
    const { records, covered, refusal } = await fetched(made, asked, now);
    expect(server.requests - requests).toBeLessThan(20);
    const key = (record: HistoryRecord) => JSON.stringify(record);
    const right = new Set(truth.records.map(key));
    expect(records.filter((record) => !right.has(key(record))).length).toBe(0);
    const got = new Set(records.map(key));
    const isCovered = ({ timestamp }: HistoryRecord) => covered.some(({ from, until }) => timestamp >= from && timestamp < until);
    expect(truth.records.filter((record) => isCovered(record) && !got.has(key(record))).length).toBe(0);
    if (refusal === undefined) expect(covered.length).toBeGreaterThan(0);
    else expect(refusal).toMatch(/no progress|asked for|expected trades below/);
  });
});
