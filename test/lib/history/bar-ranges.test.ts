import { describe, expect, it } from 'vitest';
import type { HttpRequest } from '../../../src/lib/exchanges/exchange.js';
import type { HistoryType } from '../../../src/lib/exchanges/history.js';
import { exchangeOf } from '../../../src/lib/exchanges/index.js';
import { fetchHistory } from '../../../src/lib/history/fetch.js';
import { RefusedError, type RestClient } from '../../../src/lib/history/rest-client.js';
import { type Span, united } from '../../../src/lib/model/span.js';
import { DAY, HOUR, MINUTE } from '../../../src/lib/model/time.js';

const NOW = Date.UTC(2026, 10, 20, 12) * 1_000 + 17_000_000;

/** Which bars an endpoint returns for a range, by their start in ms. */
type Counting = (start: number, range: { readonly start: number; readonly end: number }) => boolean;

const COUNTING: Readonly<Record<string, Counting>> = {
  'both ends': (bar, { start, end }) => bar >= start && bar <= end,
  'an exclusive end': (bar, { start, end }) => bar >= start && bar < end,
  'an exclusive start': (bar, { start, end }) => bar > start && bar < end,
  'an exclusive start and an inclusive end': (bar, { start, end }) => bar > start && bar <= end,
  'an ignored start': (bar, { end }) => bar <= end,
  'an end one bar early': (bar, { start, end }) => bar >= start && bar < end - 60_000,
  'a start one bar early': (bar, { start, end }) => bar >= start - 60_000 && bar < end,
};
const IGNORED: Counting = () => true;

/** Answers every request with the newest bars that count, up to the limit; one bar a minute since `launch` (ms). */
function clientOf(id: string, counting: Counting, launch = 0): { client: RestClient; requests: HttpRequest[] } {
  const requests: HttpRequest[] = [];
  const now = NOW / 1_000;
  const get = async (_: unknown, request: HttpRequest) => {
    requests.push(request);
    if (requests.length > 500) throw new Error('asks for ever');
    const { query } = request;
    const limit = Number(query.limit);
    const range = { start: Number(query.startTime ?? query.start ?? 0), end: Number(query.endTime ?? query.end ?? now) };
    const bars: number[] = [];
    const newest = Math.floor(Math.min(now, counting === IGNORED ? now : range.end + 120_000) / 60_000) * 60_000;
    for (let bar = newest; bar >= launch && bars.length < limit && bar > newest - 2_000 * 60_000; bar -= 60_000)
      if (counting(bar, range)) bars.push(bar);
    const rows = bars.map((bar) => [String(bar), '10', '12', '9', '11', '2', '22', '22']);
    return id === 'bitget'
      ? JSON.stringify({ code: '00000', msg: 'success', requestTime: now, data: rows.reverse() })
      : JSON.stringify({ retCode: 0, retMsg: 'OK', result: { list: rows }, time: now });
  };
  return { client: { get } as unknown as RestClient, requests };
}

async function fetched(id: string, type: HistoryType, client: RestClient, span: Span) {
  const query = { type, market: 'linear' as const, symbol: 'BTCUSDT', ...span, ...(type === 'candle' ? { interval: '1m' } : {}) };
  const starts = new Set<number>();
  const covered: Span[] = [];
  for await (const page of fetchHistory(client, exchangeOf(id), query, () => NOW)) {
    for (const { timestamp } of page.records) starts.add(timestamp);
    if (page.covered) covered.push(page.covered);
  }
  return { starts: [...starts].sort((a, b) => a - b), covered: united(covered) };
}

const minutes = ({ from, until }: Span) => Array.from({ length: (until - from) / MINUTE }, (_, at) => from + at * MINUTE);

describe.each(['bitget', 'bybit'])('bars of %s', (id) => {
  const end = Math.floor(NOW / HOUR) * HOUR - HOUR;
  const spans: Span[] = [
    { from: end - 3 * HOUR, until: end },
    { from: end - 2 * DAY, until: end },
    { from: end - 40 * DAY, until: end - 40 * DAY + 10 * HOUR },
  ];
  describe.each(['candle', 'mark_price'] as const)('%s', (type) => {
    it.each(Object.keys(COUNTING))('are complete where the range has %s', async (name) => {
      for (const span of spans) {
        const { client } = clientOf(id, COUNTING[name] as Counting);
        const { starts, covered } = await fetched(id, type, client, span);
        expect(starts).toEqual(minutes(span));
        expect(covered).toEqual([span]);
      }
    });

    it('before the launch are none, and the range is covered', async () => {
      const span = spans[1] as Span;
      const launch = span.from + 5 * HOUR;
      const { client } = clientOf(id, COUNTING['both ends'] as Counting, launch / 1_000);
      const { starts, covered } = await fetched(id, type, client, span);
      expect(starts).toEqual(minutes({ from: launch, until: span.until }));
      expect(covered).toEqual([span]);
    });

    it('end with one line where the range is ignored, and cover nothing that was not answered', async () => {
      const { client, requests } = clientOf(id, IGNORED);
      const failure = fetched(id, type, client, spans[2] as Span);
      await expect(failure).rejects.toThrow(RefusedError);
      await expect(failure).rejects.toThrow(/asked for 2026-10-11T.* the answer begins at 2026-11-/);
      expect(requests.length).toBeLessThan(5);
    });
  });
});

describe('paging without progress', () => {
  it('ends with one line when a page is answered again', async () => {
    const row = { symbol: 'BTCUSDT', fundingRate: '0.0001', fundingTime: String((NOW - DAY) / 1_000) };
    const rows = Array.from({ length: 100 }, (_, at) => ({ ...row, fundingTime: String((NOW - HOUR - at * HOUR) / 1_000) }));
    const get = async () => JSON.stringify({ code: '00000', msg: 'success', requestTime: NOW / 1_000, data: rows });
    const query = { type: 'funding', market: 'linear', symbol: 'BTCUSDT', from: NOW - 90 * DAY, until: NOW } as const;
    const run = async () => {
      for await (const _ of fetchHistory({ get } as unknown as RestClient, exchangeOf('bitget'), query, () => NOW));
    };
    await expect(run()).rejects.toThrow(/bitget answers the same page again: paging makes no progress \(GET .*pageNo=/);
  });
});
