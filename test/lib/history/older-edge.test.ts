import { afterEach, describe, expect, it } from 'vitest';
import { exchangeOf } from '../../../src/lib/exchanges/index.js';
import { planFetchTask } from '../../../src/lib/history/fetch-task.js';
import { RestClient } from '../../../src/lib/history/rest-client.js';
import { remainder, runFetchTask } from '../../../src/lib/history/run-fetch-task.js';
import { NOTHING_STORED } from '../../../src/lib/history/stored-spans.js';
import type { RequestedRange } from '../../../src/lib/history/topic.js';
import { type Span, united } from '../../../src/lib/model/span.js';
import { DAY, HOUR, MINUTE } from '../../../src/lib/model/time.js';
import { createHttpClient } from '../../../src/lib/transport/http.js';
import { type ExchangeServer, type StartOptions, startExchangeServer } from '../../support/exchange-server/index.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** 50 minutes after a UTC midnight, whenever the test runs. */
const NOW = Date.UTC(2026, 10, 29, 0, 50) * 1_000;
const MIDNIGHT = NOW - 50 * MINUTE;

/** A server whose time stands still at `NOW`, and a client of it whose pauses pass at once. */
async function world(id: string, options: StartOptions = {}) {
  const server = await startExchangeServer(id, {
    clock: 'manual',
    start: NOW / 1_000,
    symbols: { linear: 1 },
    strangers: false,
    ...options,
  });
  const http = await createHttpClient({ userAgent: 'mdtool/test', retries: 0 });
  closing.push(
    () => server.close(),
    () => http.close(),
  );
  let skipped = 0;
  const timing = {
    random: () => 1,
    now: () => performance.now() + skipped,
    sleep: async (milliseconds: number) => {
      skipped += milliseconds;
      server.skipRuleTime(milliseconds);
    },
  };
  return { server, client: new RestClient({ http, origin: () => server.restUrl, timing, share: 1 }) };
}

type Made = Awaited<ReturnType<typeof world>>;

/** What one run delivers of a range, what it calls covered, and what it leaves open. */
async function fetched({ client }: Made, range: RequestedRange, inOrder = false) {
  const task = planFetchTask(range, { now: NOW, stored: NOTHING_STORED });
  const keys: (string | number)[] = [];
  let covered: readonly Span[] = [];
  for await (const delivery of runFetchTask(task, { client, now: () => NOW, keys: async () => new Map(), inOrder })) {
    for (const record of delivery.records) keys.push(record.type === 'trade' ? record.id : record.timestamp);
    covered = delivery.covered;
  }
  return { keys, covered: united(covered), rest: remainder(task, covered, NOW) };
}

function trades(id: string, from: number, until = NOW, launch?: number): RequestedRange {
  return { exchange: exchangeOf(id), market: 'linear', symbol: 'BTCUSDT', type: 'trade', spans: [{ from, until }], launch };
}

/** The true ids of trades inside of spans. Bitget's history has whole seconds. */
function truth(server: ExchangeServer, spans: readonly Span[]): string[] {
  const isInside = (time: number) => spans.some(({ from, until }) => time * 1_000 >= from && time * 1_000 < until);
  return server
    .trades('linear', 'BTCUSDT')
    .filter(({ time }) => isInside(time))
    .map(({ id }) => id);
}

const SHORT = { history: { trades: 300, duration: (85 * MINUTE) / 1_000 } };
const LONG = { history: { trades: 2_500, duration: (3 * DAY) / 1_000 } };

describe('a range of trades with midnight in its last hour', () => {
  it.each([false, true])('has no gap before midnight (in order: %s)', async (inOrder) => {
    const made = await world('bitget', SHORT);
    const [first] = made.server.trades('linear', 'BTCUSDT');
    const begin = Math.floor((first?.time ?? 0) / 1_000) * 1_000_000;
    const { keys, rest } = await fetched(made, trades('bitget', NOW - 80 * MINUTE), inOrder);
    expect(rest).toEqual([]);
    expect(begin).toBeLessThan(MIDNIGHT);
    const asked = truth(made.server, [{ from: NOW - 80 * MINUTE, until: NOW + 1 }]);
    expect(keys.filter((id) => asked.includes(String(id))).length).toBe(asked.length);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it.each([30, 55])('is complete up to an end %d minutes ago', async (minutes) => {
    const made = await world('bitget', LONG);
    const range = { from: NOW - 5 * HOUR, until: NOW - minutes * MINUTE };
    const { keys, rest } = await fetched(made, trades('bitget', range.from, range.until));
    expect([rest, truth(made.server, [range]).filter((id) => !keys.includes(id))]).toEqual([[], []]);
  });

  it('is not complete where the history lags behind, and the next run gets the rest', async () => {
    const made = await world('bitget', { history: { trades: 3_000, duration: (6 * HOUR) / 1_000 } });
    made.server.faults.list({ lag: (50 * MINUTE) / 1_000, path: /fills-history/ });
    const range = trades('bitget', NOW - 5 * HOUR);
    const { keys, covered, rest } = await fetched(made, range);
    expect(rest.length).toBeGreaterThan(0);
    expect(truth(made.server, covered).filter((id) => !keys.includes(id))).toEqual([]);
    made.server.faults.clear();
    expect((await fetched(made, range)).rest).toEqual([]);
  });
});

describe('the older end of trades', () => {
  it('of a day whose history came back empty or short is not covered, and every covered trade is there', async () => {
    for (const [rows, times] of [
      [0, 2],
      [0, 3],
      [40, 2],
      [1, 4],
      [0, 1_000],
    ] as const) {
      const made = await world('bitget', LONG);
      made.server.faults.list({ rows, times, path: /fills-history/ });
      const { keys, covered, rest } = await fetched(made, trades('bitget', NOW - 50 * HOUR, NOW - 2 * HOUR));
      expect(truth(made.server, covered).filter((id) => !keys.includes(id))).toEqual([]);
      if (times === 1_000) expect(rest).toEqual([{ from: NOW - 50 * HOUR, until: NOW - 2 * HOUR }]);
      for (const close of closing.splice(0).reverse()) await close();
    }
  }, 20_000);

  it('where nothing older is listed stays open, unless the symbol was listed then', async () => {
    const made = await world('bitget', SHORT);
    const [first] = made.server.trades('linear', 'BTCUSDT');
    const open = await fetched(made, trades('bitget', NOW - 2 * HOUR));
    expect(open.rest).toHaveLength(1);
    expect(open.rest[0]?.from).toBe(NOW - 2 * HOUR);
    expect(open.rest[0]?.until).toBeLessThanOrEqual((first?.time ?? 0) * 1_000 + 1_000_000);
    const launched = await fetched(made, trades('bitget', NOW - 2 * HOUR, NOW, NOW - 2 * HOUR));
    expect([launched.rest, launched.keys.length]).toEqual([[], open.keys.length]);
  });

  it('of a symbol that trades once in two days is proven by the trade before', async () => {
    const made = await world('bitget', { history: { trades: 5, duration: (10 * DAY) / 1_000 } });
    const range = { from: NOW - 5 * DAY, until: NOW - 2 * HOUR };
    const { keys, rest } = await fetched(made, trades('bitget', range.from, range.until));
    expect([rest, keys]).toEqual([[], truth(made.server, [range])]);
  });
});

describe.each([
  ['bitget', 'funding', /history-fund-rate/, 20 * DAY],
  ['bybit', 'funding', /funding\/history/, 20 * DAY],
  ['bybit', 'open_interest', /open-interest/, 2 * DAY],
] as const)('%s %s', (id, type, path, length) => {
  const range: RequestedRange = {
    exchange: exchangeOf(id),
    market: 'linear',
    symbol: 'BTCUSDT',
    type,
    spans: [{ from: NOW - length, until: NOW - HOUR }],
  };

  it('lacks nothing that counts as covered when its list comes back empty or short', async () => {
    const made = await world(id);
    const whole = await fetched(made, range);
    expect(whole.rest).toEqual([]);
    expect(whole.keys.length).toBeGreaterThan(10);
    for (const [rows, times] of [
      [0, 2],
      [3, 1],
      [3, 2],
      [5, 1_000],
    ] as const) {
      made.server.faults.clear();
      made.server.faults.list({ rows, times, path });
      const { keys, covered } = await fetched(made, range);
      const isCovered = (time: number) => covered.some(({ from, until }) => time >= from && time < until);
      expect(whole.keys.filter((time) => isCovered(Number(time)) && !keys.includes(time))).toEqual([]);
      expect(new Set(keys).size).toBe(keys.length);
    }
    made.server.faults.clear();
    made.server.faults.list({ rows: 0, path });
    expect((await fetched(made, range)).rest).toEqual([{ from: NOW - length, until: NOW - HOUR }]);
  });
});
