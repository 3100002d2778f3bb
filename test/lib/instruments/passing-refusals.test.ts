import { afterEach, describe, expect, it } from 'vitest';
import type { Exchange } from '../../../src/lib/exchanges/exchange.js';
import { EXCHANGES } from '../../../src/lib/exchanges/index.js';
import { RestClient } from '../../../src/lib/history/rest-client.js';
import { createLiveSource, listInstruments } from '../../../src/lib/instruments/instruments.js';
import { createHttpClient } from '../../../src/lib/transport/http.js';
import { SYSTEM_TIMING } from '../../../src/lib/transport/timing.js';
import { type ExchangeServer, startExchangeServer } from '../../support/exchange-server/index.js';

const servers: ExchangeServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

type Answer = { readonly status: number; readonly body: string; readonly headers?: Record<string, string> };

const bybit = (retCode: number, headers?: Record<string, string>, status = 200): Answer => ({
  status,
  body: JSON.stringify({ retCode, retMsg: 'busy', result: {} }),
  ...(headers && { headers }),
});
const bitget = (status: number, code: string, headers?: Record<string, string>): Answer => ({
  status,
  body: JSON.stringify({ code, msg: 'busy', data: null }),
  ...(headers && { headers }),
});

/** A pause as an HTTP date counts from the server's own date, however wrong the clocks are. */
const SENT = 'Fri, 20 Nov 2026 12:00:00 GMT';
const LATER = 'Fri, 20 Nov 2026 12:00:08 GMT';

/** What an exchange answers once, and the seconds that it asks to wait; undefined where the pause is ours. */
const PASSING: readonly (readonly [id: string, answer: Answer, pause: number | undefined])[] = [
  ['bybit', bybit(10_000), undefined],
  ['bybit', bybit(10_016), undefined],
  ['bybit', bybit(10_016, undefined, 400), undefined],
  ['bybit', bybit(10_006, { 'x-bapi-limit-reset-timestamp': '1' }), 1],
  ['bybit', bybit(10_006, { 'retry-after': '3' }), 3],
  ['bybit', bybit(10_006, { 'retry-after': '3', 'x-bapi-limit-reset-timestamp': '1' }), 3],
  ['bybit', { status: 429, body: 'too many', headers: { 'retry-after': '7' } }, 7],
  ['bybit', { status: 429, body: 'too many', headers: { 'retry-after': LATER, date: SENT } }, 8],
  ['bitget', bitget(400, '40725'), undefined],
  ['bitget', bitget(400, '45001'), undefined],
  ['bitget', bitget(200, '45001'), undefined],
  ['bitget', bitget(429, '429', { 'retry-after': '2' }), 2],
  ['bitget', bitget(429, '429', { 'retry-after': LATER, date: SENT }), 8],
  ['bitget', { status: 503, body: 'busy', headers: { 'retry-after': '4' } }, 4],
];

async function serve(id: string, answer: Answer): Promise<{ server: ExchangeServer; exchange: Exchange }> {
  const server = await startExchangeServer(id, { symbols: { linear: 3 } });
  servers.push(server);
  server.faults.http({ kind: 'answer', ...answer }, { times: 2 });
  return { server, exchange: EXCHANGES.find((one) => one.id === id) as Exchange };
}

describe.each(PASSING)('%s: a refusal that passes, %j', (id, answer, pause) => {
  it('is waited for by lists and by the fetches of history, for as long as it asks', async () => {
    for (const kind of ['list', 'history'] as const) {
      const { server, exchange } = await serve(id, answer);
      const pauses: number[] = [];
      let skipped = 0;
      const sleep = async (milliseconds: number) => {
        pauses.push(milliseconds);
        skipped += milliseconds;
      };
      const http = await createHttpClient({ userAgent: 'test', sleep });
      const timing = { ...SYSTEM_TIMING, now: () => performance.now() + skipped, sleep };
      const rest = new RestClient({ http, origin: () => server.restUrl, timing });
      if (kind === 'list') {
        const source = createLiveSource(
          exchange,
          http,
          () => server.restUrl,
          () => Date.now() * 1_000,
        );
        const list = await listInstruments(exchange, 'linear', source, () => {});
        expect(list?.instruments.length).toBeGreaterThan(2);
      } else {
        const [request] = exchange.instruments.requests('linear');
        if (request) expect(await rest.get(exchange, request)).toContain('BTCUSDT');
      }
      await http.close();
      expect(pauses.length).toBeGreaterThanOrEqual(2);
      if (pause !== undefined) for (const one of pauses.slice(0, 2)) expect(one).toBeCloseTo(pause * 1_000, -2);
    }
  });
});
