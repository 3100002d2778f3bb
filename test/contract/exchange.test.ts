import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Exchange,
  type FeedEvent,
  type Frame,
  type FrameReader,
  NO_INSTRUMENTS,
  type Subscription,
} from '../../src/lib/exchanges/exchange.js';
import { EXCHANGES, exchangeOf } from '../../src/lib/exchanges/index.js';
import { restOriginFor } from '../../src/lib/exchanges/requests.js';
import { UsageError } from '../../src/lib/model/errors.js';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import type { Instrument, Market } from '../../src/lib/model/records.js';
import { isTime } from '../../src/lib/model/time.js';
import { fixture, type RecordedFrame, singleFrames, tapeFrames, tapeLines } from '../support/frames.js';
import { mutate } from '../support/mutate.js';
import { pick, seeded } from '../support/random.js';

/** What is known of an exchange beside its code: its limits in other words, and channels of which no frame is recorded. */
type Declared = {
  readonly limits: {
    readonly topicsPerMessage: Record<Market, number>;
    readonly topicsPerConnection?: Record<Market, number>;
    readonly argumentCharactersPerConnection?: number;
  };
  readonly unrecorded: readonly string[];
};

const AT = 1_786_310_820_000_000;
const SEED = 20_261_121;

const declared = (id: string) => JSON.parse(readFileSync(fixture(`${id}/contract-${id}.json`), 'utf8')) as Declared;
const tapesOf = (id: string) =>
  readdirSync(fixture('')).filter((name) => name.startsWith(`${id}-`) && name.endsWith('.tape.ndjson.gz'));
const framesOf = (id: string): RecordedFrame[] => [...singleFrames(id), ...tapesOf(id).flatMap(tapeFrames)];

/** Reads single frames each alone, and the frames of a tape in the order of their connection. */
function readAll(exchange: Exchange): { frame: Frame; recorded: RecordedFrame }[] {
  const single = singleFrames(exchange.id).map((recorded) => ({
    recorded,
    reader: exchange.createReader(recorded.url, NO_INSTRUMENTS),
  }));
  const readers = new Map<string, FrameReader | undefined>();
  const taped = tapesOf(exchange.id).flatMap((tape) =>
    tapeFrames(tape).map((recorded) => {
      const key = `${tape} ${recorded.url}`;
      if (!readers.has(key)) readers.set(key, exchange.createReader(recorded.url, NO_INSTRUMENTS));
      return { recorded, reader: readers.get(key) };
    }),
  );
  return [...single, ...taped].map(({ recorded, reader }) => {
    const frame = reader?.read(recorded.text, recorded.at);
    if (!frame) throw new Error(`no reader for ${recorded.url}`);
    return { frame, recorded };
  });
}

function channelOf(event: FeedEvent): string {
  if (event.type !== 'book_message') return event.type;
  return event.action === 'snapshot' ? 'book' : 'book_delta';
}

function subscribed(exchange: Exchange, api: string, market: Market, symbols: readonly string[]): Subscription[] {
  return exchange.channels(market, api).flatMap((channel) =>
    symbols.map((symbol) => ({
      market,
      channel,
      symbol,
      interval: channel === 'candle' ? exchange.candleIntervals(market, api)[0] : undefined,
    })),
  );
}

const variants = (exchange: Exchange) => exchange.apis.flatMap((api) => exchange.markets.map((market) => ({ api, market })));

/** The path behind the origin tells the protocol version of a connection. */
function pathOf(exchange: Exchange, api: string, market: Market): string | undefined {
  return exchange.plan(subscribed(exchange, api, market, ['BTCUSDT']), { api, depth: 15 })[0]?.path;
}

/** Fails when an event could not be written down. Levels stay texts: the book judges them. */
function check(event: FeedEvent): void {
  if (!isTime(event.timestamp) || event.symbol === '') throw new Error(`no identity: ${JSON.stringify(event)}`);
  if (event.type !== 'book_message') {
    if (/:(?:null|"")[,}]/.test(encodeRecord(event))) throw new Error(`an empty value: ${encodeRecord(event)}`);
  } else if ([...event.bids, ...event.asks].some((level) => level.some((text) => typeof text !== 'string'))) {
    throw new Error(`levels that are no texts: ${JSON.stringify(event)}`);
  }
}

/** Every recorded answer to an instrument request: of tapes, and of `rest-*.json` (`GET path?query` to body). */
function recordedBodies(id: string): { url: URL; body: string }[] {
  const taped = tapesOf(id)
    .flatMap(tapeLines)
    .filter(({ http }) => typeof http === 'string')
    .map(({ http, body }) => ({ url: new URL(String(http)), body: String(body) }));
  const files = existsSync(fixture(id)) ? readdirSync(fixture(id)).filter((name) => /^rest-.*recorded.*\.json$/.test(name)) : [];
  const rest = files.flatMap((name) =>
    Object.entries(JSON.parse(readFileSync(fixture(`${id}/${name}`), 'utf8')) as Record<string, unknown>)
      .filter(([key]) => key.startsWith('GET '))
      .map(([key, body]) => ({ url: new URL(key.split(' ')[1] as string, 'http://recorded'), body: JSON.stringify(body) })),
  );
  return [...taped, ...rest];
}

function recordedInstruments(exchange: Exchange, market: Market): Instrument[] {
  const bodies = recordedBodies(exchange.id);
  return exchange.instruments.requests(market).flatMap((request) => {
    const recorded = bodies.find(
      ({ url }) =>
        url.pathname === request.path &&
        [...url.searchParams].every(([name, value]) => request.query[name] === undefined || request.query[name] === value),
    );
    return recorded ? exchange.instruments.parse(request, recorded.body, AT).instruments : [];
  });
}

describe('the registry', () => {
  it('names every exchange once and refuses others by name', () => {
    expect(new Set(EXCHANGES.map(({ id }) => id)).size).toBe(EXCHANGES.length);
    for (const exchange of EXCHANGES) expect(exchangeOf(exchange.id)).toBe(exchange);
    expect(() => exchangeOf('nope')).toThrow(UsageError);
    expect(() => exchangeOf('nope')).toThrow(`expected one of ${EXCHANGES.map(({ id }) => id).join(', ')}, was "nope"`);
  });
});

describe.each(EXCHANGES.map((exchange) => [exchange.id, exchange] as const))('exchange %s', (id, exchange) => {
  const { limits, unrecorded } = declared(id);

  const read = readAll(exchange);

  it('reads every recorded frame, and each the same way every time', () => {
    const failed = read.filter(
      ({ frame }) =>
        frame.kind === 'rejected' || frame.kind === 'unknown' || (frame.kind === 'data' && frame.rejected.length > 0),
    );
    expect(failed).toEqual([]);
    expect(JSON.stringify(readAll(exchange))).toBe(JSON.stringify(read));
  });

  it('has a recorded frame for every channel it declares, but for those known to have none', () => {
    const covered = new Set<string>();
    for (const { frame, recorded } of read) {
      if (frame.kind !== 'data') continue;
      const apis = exchange.apis.filter((api) => pathOf(exchange, api, frame.market) === new URL(recorded.url).pathname);
      for (const api of apis) for (const event of frame.events) covered.add(`${api} ${frame.market} ${channelOf(event)}`);
    }
    const missing = variants(exchange).flatMap(({ api, market }) =>
      exchange
        .channels(market, api)
        .map((channel) => `${api} ${market} ${channel}`)
        .filter((channel) => !covered.has(channel)),
    );
    expect(missing).toEqual(unrecorded);
  });

  it('gives nothing but finite numbers and times of this century', () => {
    for (const { frame } of read) {
      if (frame.kind !== 'data') continue;
      frame.events.forEach(check);
      const levels = frame.events.flatMap((event) => (event.type === 'book_message' ? [...event.bids, ...event.asks] : []));
      expect(levels.filter(([price, amount]) => !(Number(price) > 0 && Number(amount) >= 0))).toEqual([]);
    }
  });

  it('names the market of every request, where markets have hosts of their own', () => {
    const hosts = new Set(exchange.markets.map((market) => exchange.origins(market).rest));
    const requests = exchange.markets.flatMap((market) =>
      exchange.instruments.requests(market).map((request) => ({ market, request })),
    );
    expect(requests.length).toBeGreaterThan(0);
    for (const { market, request } of requests) {
      expect(restOriginFor(exchange.markets, exchange.origins, request)).toBe(exchange.origins(market).rest);
      if (hosts.size > 1) expect(request.market).toBe(market);
    }
  });

  it('plans every subscription once, within the limits', () => {
    const symbols = fc.uniqueArray(fc.stringMatching(/^[A-Z0-9]{2,20}USDT$/), { minLength: 1, maxLength: 250, size: 'max' });
    const most = fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined });
    fc.assert(
      fc.property(fc.constantFrom(...variants(exchange)), symbols, most, ({ api, market }, names, channelsPerConnection) => {
        const subscriptions = subscribed(exchange, api, market, names);
        const planned = exchange.plan(subscriptions, { api, depth: 15, channelsPerConnection });
        const carried = planned.flatMap((connection) => connection.subscriptions);
        expect(carried).toHaveLength(subscriptions.length);
        expect(new Set(carried)).toEqual(new Set(subscriptions));
        for (const connection of planned) {
          const topics = connection.messages.flatMap((message) => message.topics);
          const args = connection.messages.map(({ text }) => (JSON.parse(text) as { args: unknown[] }).args);
          const requests = connection.messages.flatMap(({ request }) => request ?? []);
          expect(connection.market).toBe(market);
          expect(exchange.createReader(exchange.origins(market).websocket + connection.path, NO_INSTRUMENTS)).toBeDefined();
          expect(new Set(topics).size).toBe(topics.length);
          expect(new Set(requests).size).toBe(requests.length);
          expect(args.map((list) => list.length)).toEqual(connection.messages.map((message) => message.topics.length));
          expect(Math.max(...args.map((list) => list.length))).toBeLessThanOrEqual(limits.topicsPerMessage[market]);
          expect(topics.length).toBeLessThanOrEqual(
            channelsPerConnection ?? limits.topicsPerConnection?.[market] ?? Number.POSITIVE_INFINITY,
          );
          expect(args.reduce((sum, list) => sum + JSON.stringify(list).length, 0)).toBeLessThanOrEqual(
            limits.argumentCharactersPerConnection ?? Number.POSITIVE_INFINITY,
          );
        }
      }),
      { seed: SEED, numRuns: 30 },
    );
  });

  it('finds the symbol of every spelling of every recorded instrument', () => {
    const instruments = exchange.markets.flatMap((market) => recordedInstruments(exchange, market));
    expect(instruments.length).toBeGreaterThan(0);
    for (const { market, symbol, canonical, ccxt, legacy } of instruments) {
      expect(canonical).toBe(`${id}:${market}:${symbol}`);
      for (const spelling of [symbol, canonical, ccxt, ...(legacy ? [legacy] : [])])
        expect(exchange.nativeSymbol(spelling, market), spelling).toBe(symbol);
    }
    const keys = instruments.map(({ canonical }) => canonical);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('never throws on damaged frames, and gives nothing else than it may', () => {
    const random = seeded(SEED);
    const frames = framesOf(id).filter(({ text }) => text.length < 5_000);
    const readers = new Map(frames.map(({ url }) => [url, exchange.createReader(url, NO_INSTRUMENTS)]));
    const kinds = new Set<string>();
    for (let i = 0; i < 2_000; i += 1) {
      const { url, text } = pick(random, frames);
      const frame = readers.get(url)?.read(mutate(text, random), AT + i);
      kinds.add(String(frame?.kind));
      if (frame?.kind === 'data') frame.events.forEach(check);
    }
    expect(kinds).toContain('data');
    expect(kinds).toContain('rejected');
  });
});
