import { crc32 } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { type ExchangeServer, type StartOptions, startExchangeServer } from '../../support/exchange-server/index.js';
import { expectObedient } from '../../support/exchange-server/obedient.js';
import { bitget, bybit, get, WireClient } from './wire-client.js';

const servers: ExchangeServer[] = [];

async function start(id: string, options: StartOptions = {}): Promise<ExchangeServer> {
  const server = await startExchangeServer(id, { clock: 'manual', strangers: false, symbols: { linear: 3 }, ...options });
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

type Level = readonly [price: string, size: string];

/** A book kept the plain way: a map per side, sorted when read. */
class PlainBook {
  readonly #sides = { bids: new Map<string, string>(), asks: new Map<string, string>() };

  apply(isSnapshot: boolean, bids: readonly Level[], asks: readonly Level[]): void {
    for (const [name, levels] of [
      ['bids', bids],
      ['asks', asks],
    ] as const) {
      const side = this.#sides[name];
      if (isSnapshot) side.clear();
      for (const [price, size] of levels) Number(size) === 0 ? side.delete(price) : side.set(price, size);
    }
  }

  /** Drops what lies below the first `depth` levels, as clients of a top-N channel must. */
  trim(depth: number): void {
    for (const name of ['bids', 'asks'] as const)
      for (const [price] of this.top(name, 1e9).slice(depth)) this.#sides[name].delete(price);
  }

  top(name: 'bids' | 'asks', depth: number): Level[] {
    const sorted = [...this.#sides[name]].sort(([a], [b]) => (name === 'bids' ? Number(b) - Number(a) : Number(a) - Number(b)));
    return sorted.slice(0, depth);
  }
}

const numeric = (levels: readonly Level[]) => levels.map(([price, size]) => [Number(price), Number(size)]);

describe('trades', () => {
  it('bitget: what is sent is what happened, ids grow and are not contiguous, the newest stands first', async () => {
    const server = await start('bitget', { rate: 200, mix: { book: 0.2, ticker: 0, liquidation: 0 } });
    const client = await WireClient.connect(server, '/v2/ws/public');
    const one = ['USDT-FUTURES', 'trade', 'BTCUSDT'] as const;
    await client.ask(bitget('subscribe', one));
    server.advance(5_000);
    await client.settle('ping');
    const sent = client
      .data()
      .flatMap(({ data }) =>
        [...(data as { tradeId: string; price: string; size: string; side: string; ts: string }[])].reverse(),
      );
    const truth = server.trades('linear', 'BTCUSDT');
    expect(truth.length).toBeGreaterThan(100);
    const plain = sent.map(({ tradeId, price, size, side, ts }) => ({ id: tradeId, price, size, side, time: Number(ts) }));
    expect(plain).toEqual(truth);
    const ids = truth.map(({ id }) => BigInt(id));
    expect(ids.every((id, at) => at === 0 || id - (ids[at - 1] as bigint) > 1n)).toBe(true);
    expect(truth.every(({ id }) => /^\d{19}$/.test(id))).toBe(true);
    expect(client.data().some(({ data }) => (data as unknown[]).length > 1)).toBe(true);
    expectObedient(server);
  });

  it('bybit: UUIDs on linear, digits on spot, rows ascend, no history at subscribe', async () => {
    const server = await start('bybit', {
      symbols: { linear: 1, spot: 1 },
      rate: 200,
      history: { trades: 50, duration: 60_000 },
    });
    for (const [market, id] of [
      ['linear', /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-b[0-9a-f]{3}-[0-9a-f]{12}$/],
      ['spot', /^\d{19}$/],
    ] as const) {
      const client = await WireClient.connect(server, `/v5/public/${market}`);
      await client.ask(bybit('subscribe', 'a', 'publicTrade.BTCUSDT'));
      const before = server.tradeCount(market, 'BTCUSDT');
      server.advance(2_000);
      await client.settle({ op: 'ping' });
      const rows = client.data().flatMap(({ data }) => data as { i: string; p: string; v: string; S: string; T: number }[]);
      const truth = server.trades(market, 'BTCUSDT').slice(before);
      const plain = rows.map(({ i, p, v, S, T }) => [i, Number(p), Number(v), S.toLowerCase(), T]);
      expect(plain).toEqual(
        truth.map(({ id: trueId, price, size, side, time }) => [trueId, Number(price), Number(size), side, time]),
      );
      expect(rows.every(({ i }) => id.test(i))).toBe(true);
      expect(new Set(rows.map(({ i }) => i)).size).toBe(rows.length);
    }
  });

  it('prices are multiples of the tick, sizes of the lot', async () => {
    const server = await start('bitget', { symbols: { linear: 8 }, history: { trades: 2_000, duration: 600_000 } });
    const avax = server.market.get('linear', 'AVAXUSDT');
    expect(avax.listing.tick).toBe(5);
    expect(avax.trades.slice().every(({ price, size }) => price % 5 === 0 && size % avax.listing.lot === 0 && size > 0)).toBe(
      true,
    );
    const { body } = await get(server, '/api/v2/mix/market/contracts?productType=USDT-FUTURES&symbol=AVAXUSDT');
    expect(body.data[0]).toMatchObject({ priceEndStep: '5', pricePlace: '3' });
  });

  it('the same seed gives the same trades and books, another seed others', async () => {
    const run = async (seed: number) => {
      const server = await start('bybit', { seed, rate: 100 });
      const client = await WireClient.connect(server, '/v5/public/linear');
      await client.ask(bybit('subscribe', 'a', 'orderbook.50.ETHUSDT'), 2);
      server.advance(3_000);
      return { trades: server.trades('linear', 'ETHUSDT'), books: server.books('linear', 'ETHUSDT', 'orderbook.50') };
    };
    const [first, second, other] = [await run(7), await run(7), await run(8)];
    expect(first).toEqual(second);
    expect(first.trades).not.toEqual(other.trades);
    expect(first.books.length).toBeGreaterThan(10);
  });
});

describe('books', () => {
  it.each([
    ['books', false],
    ['books', true],
    ['books15', false],
  ])('bitget %s (checksum %s): deltas on the snapshot give the server’s state at each sequence', async (channel, checksum) => {
    const server = await start('bitget', { rate: 100, mix: { book: 0.6 }, checksum });
    const client = await WireClient.connect(server, '/v2/ws/public');
    await client.ask(bitget('subscribe', ['USDT-FUTURES', channel, 'BTCUSDT']), 2);
    server.advance(5_000);
    await client.settle('ping');
    const book = new PlainBook();
    let sums = 0;
    for (const text of client.texts.filter((it) => it.includes('"seq"'))) {
      const [row] = (JSON.parse(text) as { data: [{ asks: Level[]; bids: Level[]; checksum?: number }] }).data;
      book.apply(text.includes('"action":"snapshot"'), row.bids, row.asks);
      const sequence = /"seq":(\d+)/.exec(text)?.[1] ?? '';
      const truth = server.book('linear', 'BTCUSDT', channel, sequence);
      expect({ bids: book.top('bids', 1e9), asks: book.top('asks', 1e9) }).toEqual({ bids: truth?.bids, asks: truth?.asks });
      expect(Number(truth?.bids[0]?.[0])).toBeLessThan(Number(truth?.asks[0]?.[0]));
      if (row.checksum) {
        const parts = Array.from({ length: 25 }, (_, at) => [book.top('bids', 25)[at], book.top('asks', 25)[at]]).flat(2);
        expect(row.checksum).toBe(crc32(parts.join(':')) | 0);
        sums += 1;
      }
    }
    expect(client.data().length).toBeGreaterThan(30);
    expect(sums > 0).toBe(checksum);
  });

  it.each([50, 200])('bybit orderbook.%i: u is consecutive, and a book trimmed to the depth is the server’s', async (depth) => {
    const server = await start('bybit', { rate: 100, mix: { book: 0.6 } });
    const client = await WireClient.connect(server, '/v5/public/linear');
    await client.ask(bybit('subscribe', 'a', `orderbook.${depth}.BTCUSDT`), 2);
    server.advance(20_000);
    await client.settle({ op: 'ping' });
    const book = new PlainBook();
    let last: number | undefined;
    for (const { type, data } of client.data()) {
      const { b, a, u } = data as { b: Level[]; a: Level[]; u: number };
      expect(u).toBe(last === undefined ? u : last + 1);
      last = u;
      book.apply(type === 'snapshot', b, a);
      book.trim(depth);
      const truth = server.book('linear', 'BTCUSDT', `orderbook.${depth}`, String(u));
      expect(numeric(book.top('bids', depth))).toEqual(numeric(truth?.bids ?? []));
      expect(numeric(book.top('asks', depth))).toEqual(numeric(truth?.asks ?? []));
    }
    expect(client.data().length).toBeGreaterThan(100);
  });

  it('whoever comes later is sent a state that the next deltas fit', async () => {
    const server = await start('bybit', { rate: 100, mix: { book: 0.6 } });
    const topic = 'orderbook.50.BTCUSDT';
    const first = await WireClient.connect(server, '/v5/public/linear');
    await first.ask(bybit('subscribe', 'a', topic, 'tickers.BTCUSDT'), 3);
    server.advance(1_000);
    const second = await WireClient.connect(server, '/v5/public/linear');
    await second.ask(bybit('subscribe', 'a', topic, 'tickers.BTCUSDT'), 3);
    server.advance(1_000);
    await Promise.all([first.settle({ op: 'ping' }), second.settle({ op: 'ping' })]);
    const updates = second.data(topic).map(({ data }) => (data as { u: number }).u);
    expect(updates).toEqual(updates.map((_, at) => (updates[0] as number) + at));
    const merged = (client: WireClient) => Object.assign({}, ...client.data('tickers.BTCUSDT').map(({ data }) => data));
    expect(merged(second)).toEqual(merged(first));
  });

  it('bybit repeats an unchanged best level every 3 s with the same u', async () => {
    const server = await start('bybit');
    const client = await WireClient.connect(server, '/v5/public/linear');
    await client.ask(bybit('subscribe', 'a', 'orderbook.1.BTCUSDT'), 2);
    server.advance(7_000);
    await client.settle({ op: 'ping' });
    expect(client.data().map(({ data }) => (data as { u: number }).u)).toEqual([1_000, 1_000, 1_000]);
  });
});

describe('tickers, candles, liquidations', () => {
  it('bybit deltas hold what changed; merged they are the REST ticker', async () => {
    const server = await start('bybit', { rate: 50 });
    const client = await WireClient.connect(server, '/v5/public/linear');
    await client.ask(bybit('subscribe', 'a', 'tickers.BTCUSDT'), 2);
    server.advance(20_000);
    server.ticker('linear', 'BTCUSDT');
    await client.settle({ op: 'ping' });
    const [snapshot, ...deltas] = client.data() as { type: string; data: Record<string, string> }[];
    expect(snapshot?.type).toBe('snapshot');
    expect(deltas.length).toBeGreaterThan(20);
    expect(deltas.every(({ type, data }) => type === 'delta' && Object.keys(data).length < 24)).toBe(true);
    const { body } = await get(server, '/v5/market/tickers?category=linear&symbol=BTCUSDT');
    expect(Object.assign({}, ...client.data().map(({ data }) => data))).toEqual(body.result.list[0]);
  });

  it('candles come from the trades: closed ones equal REST, bybit confirms them', async () => {
    const server = await start('bybit', { rate: 20, history: { trades: 60, duration: 120_000 } });
    const client = await WireClient.connect(server, '/v5/public/linear');
    await client.ask(bybit('subscribe', 'a', 'kline.1.BTCUSDT'), 2);
    server.advance(185_000);
    await client.settle({ op: 'ping' });
    const rows = client.data().flatMap(({ data }) => data as Record<string, string | number | boolean>[]);
    const closed = rows
      .filter(({ confirm }) => confirm)
      .map(({ start: at, open, high, low, close, volume, turnover }) => [String(at), open, high, low, close, volume, turnover]);
    expect(closed).toHaveLength(3);
    const { body } = await get(server, '/v5/market/kline?category=linear&symbol=BTCUSDT&interval=1');
    expect([...body.result.list].reverse().slice(-4, -1)).toEqual(closed);
    const volume = server.trades('linear', 'BTCUSDT').reduce((sum, { size }) => sum + Number(size), 0);
    const listed = (body.result.list as string[][]).reduce((sum, row) => sum + Number(row[5]), 0);
    expect(listed).toBeCloseTo(volume, 6);
  });

  it('liquidations name the position’s side, on v3 for the whole product line', async () => {
    const server = await start('bitget');
    const client = await WireClient.connect(server, '/v3/ws/public');
    await client.ask({ op: 'subscribe', args: [{ instType: 'usdt-futures', topic: 'liquidation' }] });
    for (const symbol of ['BTCUSDT', 'ETHUSDT']) server.liquidate('linear', symbol);
    await client.settle('ping');
    const rows = client.data().flatMap(({ data }) => data as Record<string, string>[]);
    expect(rows.map(({ symbol }) => symbol)).toEqual(['BTCUSDT', 'ETHUSDT']);
    expect(rows.every(({ side }) => side === 'buy' || side === 'sell')).toBe(true);
  });
});

describe('flood', () => {
  it('500 symbols: every trade of 40,000 arrives, at well under 50 µs of CPU each', async () => {
    const server = await start('bitget', {
      symbols: { linear: 500 },
      rate: 40_000,
      mix: { book: 0, ticker: 0, liquidation: 0 },
      limits: { messagesPerSecond: 100 },
      keepBooks: false,
    });
    const clients = await Promise.all(Array.from({ length: 11 }, () => WireClient.connect(server, '/v2/ws/public')));
    const symbols = server.market.symbols.map(({ listing }) => listing.symbol);
    for (const [at, client] of clients.entries()) {
      const own = symbols.slice(at * 46, at * 46 + 46);
      for (let i = 0; i < own.length; i += 19)
        client.send(bitget('subscribe', ...own.slice(i, i + 19).map((symbol) => ['USDT-FUTURES', 'trade', symbol] as const)));
      await client.until(({ texts }) => texts.length === own.length);
    }
    const before = process.cpuUsage();
    server.advance(1_000);
    const { user, system } = process.cpuUsage(before);
    await Promise.all(clients.map((client) => client.settle('ping')));
    const rows = clients.flatMap((client) => client.data()).reduce((sum, { data }) => sum + (data as unknown[]).length, 0);
    expect(rows).toBe(server.tradeCount());
    expect(server.subscriptions).toBe(500);
    expect(user + system).toBeLessThan(40_000 * 50);
    expectObedient(server);
  });
});
