import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { HttpRequest } from '../../../src/lib/exchanges/exchange.js';
import { EXCHANGES, exchangeOf } from '../../../src/lib/exchanges/index.js';
import { createLiveSource } from '../../../src/lib/instruments/instruments.js';
import {
  createRecordedSymbolSources,
  listSymbols,
  readLists,
  type SymbolList,
  type SymbolQuery,
  type SymbolSource,
} from '../../../src/lib/instruments/symbol-list.js';
import { UnreachableError } from '../../../src/lib/model/errors.js';
import type { Instrument, Market } from '../../../src/lib/model/records.js';
import { fixture, tapeLines } from '../../support/frames.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-symbols-'));
afterAll(() => rmSync(folder, { recursive: true }));

const BYBIT = fixture('bybit-v5.tape.ndjson.gz');
const bybit = exchangeOf('bybit');
const bitget = exchangeOf('bitget');

function tape(exchange: string, lines: readonly object[]): string {
  const path = join(folder, `${Math.random()}.ndjson`);
  writeFileSync(path, [{ tape: 1, exchange }, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(''));
  return path;
}

/** Lists and collects what the listener was told. */
async function list(
  sources: (listener: ReturnType<typeof listenerOf>) => Promise<readonly SymbolSource[]>,
  query: Partial<SymbolQuery> = {},
) {
  const told = listenerOf();
  const instruments: Instrument[] = [];
  for await (const batch of listSymbols(await sources(told), { notation: 'native', ...query }, told)) instruments.push(...batch);
  return { instruments, symbols: instruments.map(({ symbol }) => symbol), ...told };
}

function listenerOf() {
  const unreached: string[] = [];
  const incompletes: string[] = [];
  const notes: string[] = [];
  return {
    unreached,
    incompletes,
    notes,
    unreachable: (reason: string) => void unreached.push(reason),
    get hasUnreachable() {
      return unreached.length > 0;
    },
    incomplete: (reason: string) => void incompletes.push(reason),
    note: (text: string) => void notes.push(text),
    fallback: () => {},
  };
}

const fromTapes = (paths: readonly string[], asked?: readonly (typeof bybit)[]) => (listener: ReturnType<typeof listenerOf>) =>
  createRecordedSymbolSources(paths, EXCHANGES, asked, listener);

const ALL = { quote: 'all', kind: 'all', status: 'all' } as const;

describe('symbols of a recorded list', () => {
  it('are those of a plain reading of the body, in order', async () => {
    const body = tapeLines('bybit-v5.tape.ndjson.gz').find(({ http }) => String(http).includes('category=linear'))?.body;
    const rows = (JSON.parse(String(body)) as { result: { list: { symbol: string; priceFilter: { tickSize: string } }[] } })
      .result.list;
    const { instruments, symbols, incompletes } = await list(fromTapes([BYBIT]), { ...ALL, markets: ['linear'] });
    expect(symbols).toEqual(rows.map(({ symbol }) => symbol).sort());
    expect(symbols).toHaveLength(800);
    const ticks = new Map(rows.map(({ symbol, priceFilter }) => [symbol, Number(priceFilter.tickSize)]));
    expect(instruments.filter(({ symbol, tickSize }) => ticks.get(symbol) !== tickSize)).toEqual([]);
    expect(incompletes).toEqual([]);
  });

  it('are USDT perpetuals and USDT pairs that trade, by default', async () => {
    const { instruments } = await list(fromTapes([BYBIT]));
    expect(new Set(instruments.map(({ market, kind, quote, status }) => `${market} ${kind} ${quote} ${status}`))).toEqual(
      new Set(['linear perpetual USDT trading', 'spot spot USDT trading']),
    );
    const order = instruments.map(({ market, symbol }) => `${market} ${symbol}`);
    expect(order).toEqual([...order].sort());
  });

  it('can be named in any spelling, whatever the default filters; an unknown one is refused', async () => {
    // The last names a symbol that another spelling names already.
    const symbols = ['bybit:linear:ETHUSDT', 'BTC/USDC:USDC', 'btcusdt', 'BTC/USDT:USDT'];
    const found = await list(fromTapes([BYBIT]), { symbols, markets: ['linear'] });
    expect(found.symbols).toEqual(['BTCPERP', 'BTCUSDT', 'ETHUSDT']);
    await expect(list(fromTapes([BYBIT]), { symbols: ['BTCUSDT', 'NOPEUSDT'] })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('unknown symbol NOPEUSDT on '),
    });
  });

  it('have a notation', async () => {
    const { symbols } = await list(fromTapes([BYBIT]), { markets: ['linear'], match: /^BTCUSDT$/, notation: 'ccxt' });
    expect(symbols).toEqual(['BTC/USDT:USDT']);
  });

  it('say which filter left nothing', async () => {
    const { symbols, notes } = await list(fromTapes([BYBIT]), { markets: ['linear'], quote: ['EUR'] });
    expect(symbols).toEqual([]);
    expect(notes).toEqual([expect.stringMatching(/no instrument passes the filters; removed by --kind \d+, --quote \d+/)]);
  });

  it('come from the Bitget bodies of both product types, the last recorded one of each', async () => {
    const bodies = JSON.parse(readFileSync(fixture('bitget/rest-v2-recorded.json'), 'utf8')) as Record<string, unknown>;
    const line = (name: string, body = bodies[`GET ${name}`]) => ({
      at: 1_790_358_274_804_000,
      http: `https://api.bitget.com${name}`,
      body: JSON.stringify(body),
    });
    const path = tape('bitget', [
      line('/api/v2/mix/market/contracts?productType=usdt-futures', { code: '00000', data: [] }),
      line('/api/v2/spot/public/symbols'),
      line('/api/v2/mix/market/contracts?productType=USDC-FUTURES'),
      line('/api/v2/mix/market/contracts?productType=USDT-FUTURES'),
      { ...line('/api/v2/mix/market/contracts?productType=USDT-FUTURES', { code: '429' }), status: 429 },
    ]);
    const { instruments } = await list(fromTapes([path]), ALL);
    const names = instruments.map(({ canonical }) => canonical);
    expect(names).toContain('bitget:linear:BTCUSDT');
    expect(names).toContain('bitget:linear:BTCPERP');
    expect(names).toContain('bitget:spot:XRPUSDT');
    expect(instruments.every(({ timestamp }) => timestamp === 1_790_358_274_804_000)).toBe(true);
  });

  it('are refused from a tape of another exchange, naming both, or one without the market', async () => {
    await expect(list(fromTapes([BYBIT], [bitget]))).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringMatching(/expected a tape of bitget, found a tape of bybit/),
    });
    await expect(list(fromTapes([BYBIT], [bitget, bybit]))).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('no tape of bitget among'),
    });
    await expect(list(fromTapes([BYBIT]), { markets: ['inverse'] })).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('no list of bybit inverse instruments on the tape'),
    });
  });

  it('are refused from a tape without any list, whatever was asked', async () => {
    const path = tape('bitget', [{ at: 1, connection: 1, connect: 'wss://ws.bitget.com/v2/ws/public' }]);
    for (const query of [{}, { symbols: ['BTCUSDT'] }])
      await expect(list((told) => createRecordedSymbolSources([path], EXCHANGES, undefined, told), query)).rejects.toThrow(
        'no instrument lists on the tape',
      );
  });

  it('make the run incomplete when a line or a row cannot be read', async () => {
    const list1 = { retCode: 0, result: { category: 'spot', list: [{ symbol: 'BTCUSDT' }] } };
    const url = 'https://api.bybit.com/v5/market/instruments-info?category=spot';
    const path = tape('bybit', [{ at: 1_790_358_274_804_000, http: url, body: JSON.stringify(list1) }, { at: 'never' }]);
    const { symbols, incompletes } = await list(fromTapes([path]), ALL);
    expect(symbols).toEqual([]);
    expect(incompletes).toEqual([
      expect.stringMatching(/1 unreadable tape line: .*line 3/),
      expect.stringMatching(/bybit spot: 1 unreadable instrument: .*BTCUSDT/),
    ]);
  });
});

describe('symbols of the exchange itself', () => {
  const row = (symbol: string) => ({
    symbol,
    contractType: 'LinearPerpetual',
    status: 'Trading',
    baseCoin: symbol.replace('USDT', ''),
    quoteCoin: 'USDT',
    settleCoin: 'USDT',
    priceFilter: { tickSize: '0.1' },
    lotSizeFilter: { qtyStep: '0.001' },
  });
  const bodyOf = (symbols: readonly string[], nextPageCursor = '', category = 'linear') =>
    JSON.stringify({ retCode: 0, result: { category, list: symbols.map(row), nextPageCursor } });
  const liveFrom = (answer: (request: HttpRequest) => string | Promise<string>) => {
    const asked: HttpRequest[] = [];
    const get = async (_origin: string, request: HttpRequest) => {
      asked.push(request);
      return answer(request);
    };
    const source = {
      exchange: bybit,
      rest: createLiveSource(
        bybit,
        { get, close: async () => {} },
        () => 'http://x',
        () => 1_790_358_274_804_000,
      ),
    };
    return { asked, sources: async () => [source] };
  };

  it('follow the cursor over the pages', async () => {
    const { asked, sources } = liveFrom(({ query }) => {
      if (query.status !== 'Trading') return bodyOf([]);
      return query.cursor === undefined ? bodyOf(['BTCUSDT'], 'first%3DETH') : bodyOf(['ETHUSDT', 'BTCUSDT']);
    });
    const { symbols } = await list(sources, { markets: ['linear'] });
    expect(symbols).toEqual(['BTCUSDT', 'ETHUSDT']);
    expect(asked.map(({ query }) => query.cursor)).toContain('first%3DETH');
  });

  it('that are stopped give what came, and say that it is incomplete', async () => {
    const controller = new AbortController();
    const { sources } = liveFrom(async () => {
      await null;
      controller.abort();
      return bodyOf(['BTCUSDT']);
    });
    const { symbols, incompletes } = await list(sources, { markets: ['linear', 'spot'], signal: controller.signal });
    expect(symbols).toEqual(['BTCUSDT']);
    expect(incompletes).toEqual(['stopped before all lists were read']);
  });

  it('are requested together: the slow answers of markets and exchanges do not add up', async () => {
    let open = 0;
    let waiting: (() => void)[] = [];
    // No answer arrives before both markets of both exchanges are asked.
    const { sources } = liveFrom(async ({ query }) => {
      open += 1;
      if (open >= 4) for (const go of waiting.splice(0)) go();
      else await new Promise<void>((resolve) => waiting.push(resolve));
      waiting = [];
      return bodyOf([], '', query.category);
    });
    const both = async () => [...(await sources()), ...(await sources())];
    const lists = readLists(await both(), { markets: ['linear', 'spot'] }, listenerOf());
    const markets: string[] = [];
    for await (const { market } of lists) markets.push(market);
    expect(markets).toEqual(['linear', 'spot', 'linear', 'spot']);
  });

  it('give way to stored ones, market by market, when the exchange is slow', async () => {
    const never = new Promise<string>(() => {});
    const { sources } = liveFrom(({ query }) => (query.category === 'linear' ? never : bodyOf([], '', query.category)));
    const reasons: string[] = [];
    const stored = { exchange: bybit, market: 'linear', instruments: [], whole: true, stored: true } as const;
    const fallback = async (_: unknown, asked: readonly Market[], reason: string) => {
      reasons.push(`${asked}: ${reason}`);
      return [stored];
    };
    const lists: SymbolList[] = [];
    const query = { markets: ['linear', 'spot'] as const, patience: 5, fallback };
    for await (const one of readLists(await sources(), query, listenerOf())) lists.push(one);
    expect(lists.map(({ market, stored: isStored = false }) => `${market} ${isStored}`)).toEqual(['linear true', 'spot false']);
    expect(reasons).toEqual(['linear: the exchange is slow to list its instruments']);
  });

  it('an exchange that refuses or has no end is unreachable, and the others are still listed', async () => {
    const refusing = liveFrom(() => '{"retCode":10006,"retMsg":"Too many visits!"}');
    const endless = liveFrom(({ query }) => bodyOf([], `${query.cursor ?? ''}x`));
    const gone = liveFrom(() => {
      throw new UnreachableError('api.bybit.com did not answer');
    });
    for (const [{ sources }, reason] of [
      [refusing, /^bybit: .*10006/],
      [endless, /more than 100 pages/],
      [gone, /^bybit: api\.bybit\.com did not answer/],
    ] as const) {
      const both = async () => [...(await sources()), ...(await fromTapes([BYBIT])(listenerOf()))];
      const { symbols, unreached } = await list(both, { markets: ['linear'] });
      expect(unreached).toEqual([expect.stringMatching(reason)]);
      expect(symbols.length).toBeGreaterThan(500);
    }
  });
});
