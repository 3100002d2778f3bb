import { describe, expect, it } from 'vitest';
import { type Exchange, type FrameBytes, type FrameReader, NO_INSTRUMENTS } from '../../../src/lib/exchanges/exchange.js';
import { EXCHANGES } from '../../../src/lib/exchanges/index.js';
import { type RecordedFrame, singleFrames, tapeFrames } from '../../support/frames.js';
import { mutate } from '../../support/mutate.js';
import { pick, seeded } from '../../support/random.js';

const CASES = Number(process.env.MDTOOL_FUZZ_CASES ?? 3_000);
const TAPES: Record<string, string> = { bitget: 'bitget-v2.tape.ndjson.gz', bybit: 'bybit-v5.tape.ndjson.gz' };

/** The bytes of a text, which count how often they were decoded whole, that is how often the text was read after all. */
function counted(text: string): { bytes: FrameBytes; decodings: () => number } {
  const bytes = Buffer.from(text) as unknown as FrameBytes;
  let decodings = 0;
  const decode = () => {
    decodings += 1;
    return Buffer.prototype.toString.call(bytes, 'utf8');
  };
  return { bytes: Object.assign(bytes, { toString: decode }), decodings: () => decodings };
}

/** A frame as plain data, with the numbers that levels stand for; those that stand for none stay as they are. */
function plain(frame: unknown): unknown {
  const number = (value: unknown) => (Number.isFinite(Number(value)) ? Number(value) : value);
  return JSON.parse(
    JSON.stringify(frame ?? null, (key, value) =>
      (key === 'bids' || key === 'asks') && Array.isArray(value) ? value.map((level: unknown[]) => level.map(number)) : value,
    ),
  );
}

/** Reads frames from text and from bytes, each connection with a reader of its own. */
class Both {
  readonly #exchange: Exchange;
  readonly #readers = new Map<string, [text: FrameReader | undefined, bytes: FrameReader | undefined]>();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Fails where the two differ. Returns whether the bytes were enough. */
  read({ url, at }: RecordedFrame, text: string): boolean {
    const known = this.#readers.get(url);
    const [asText, asBytes] = known ?? [
      this.#exchange.createReader(url, NO_INSTRUMENTS),
      this.#exchange.createReader(url, NO_INSTRUMENTS),
    ];
    this.#readers.set(url, [asText, asBytes]);
    const { bytes, decodings } = counted(text);
    const expected = plain(asText?.read(Buffer.from(text).toString(), at));
    expect(plain(asBytes?.read(bytes, at)), text.slice(0, 300)).toEqual(expected);
    return decodings() === 0;
  }
}

function framesOf(exchange: Exchange): RecordedFrame[] {
  const tape = TAPES[exchange.id];
  return [...(tape ? tapeFrames(tape) : []), ...singleFrames(exchange.id)];
}

/** What a frame is of, by its own words. */
function kindOf(text: string): string {
  const frame = JSON.parse(text) as { topic?: string; type?: string; action?: string; arg?: Record<string, string> };
  const channel = frame.topic?.replace(/\.[^.]*$/, '') ?? frame.arg?.channel ?? frame.arg?.topic ?? 'answer';
  return frame.action || frame.topic ? channel : 'answer';
}

const HOT = /^(?:publicTrade|trade|books\d*|orderbook\.\d+)$/;

describe.each(EXCHANGES.map((exchange) => [exchange.id, exchange] as const))('frames of %s from bytes', (_, exchange) => {
  it('give what the text gives, and trades and books are read from bytes alone', () => {
    const both = new Both(exchange);
    const kinds = new Map<string, { bytes: number; text: number }>();
    for (const frame of framesOf(exchange)) {
      const kind = frame.text === 'pong' ? 'answer' : kindOf(frame.text);
      const tally = kinds.get(kind) ?? { bytes: 0, text: 0 };
      kinds.set(kind, tally);
      tally[both.read(frame, frame.text) ? 'bytes' : 'text'] += 1;
    }
    const fallbacks = [...kinds].filter(([kind, { text }]) => HOT.test(kind) && text > 0);
    expect(fallbacks).toEqual([]);
    expect([...kinds].filter(([kind]) => HOT.test(kind)).length).toBeGreaterThanOrEqual(2);
  });

  it(`give what the text gives when they are damaged (${CASES} cases)`, () => {
    const random = seeded(20_261_122);
    const frames = framesOf(exchange).filter(({ text }) => text.length < 3_000);
    const hot = frames.filter(({ text }) => text !== 'pong' && HOT.test(kindOf(text)));
    const both = new Both(exchange);
    let fromBytes = 0;
    for (let i = 0; i < CASES; i += 1) {
      const frame = pick(random, i % 4 === 0 ? frames : hot);
      if (both.read(frame, mutate(frame.text, random))) fromBytes += 1;
    }
    expect(fromBytes).toBeGreaterThan(CASES / 50);
    expect(fromBytes).toBeLessThan(CASES);
  });
});

const LINEAR = 'wss://stream.bybit.com/v5/public/linear';
const ROW = '"T":1786310819680,"s":"BTCUSDT","S":"Sell","v":"0.004","p":"65114.20","i":"a9188a0a","BT":false,"seq":753843954913';
const trades = (row: string): string => `{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1786310819681,"data":[{${row}}]}`;
const book = (bids: string, rest = '"u":7,"seq":9'): string =>
  `{"topic":"orderbook.50.BTCUSDT","ts":1786310816618,"type":"delta","data":{"s":"BTCUSDT","b":${bids},"a":[],${rest}},"cts":1786310816585}`;
const exchangeOf = (id: string): Exchange => EXCHANGES.find((exchange) => exchange.id === id) as Exchange;
const bybit = exchangeOf('bybit');

/** Returns whether the bytes of a frame were enough, after a check that they say what its text says. */
function fromBytes(text: string, url = LINEAR): boolean {
  return new Both(bybit).read({ exchange: 'bybit', url, at: 1_786_310_820_000_000, text }, text);
}

describe('what is read from bytes', () => {
  it.each([
    ['a trade', trades(ROW)],
    ['names in another order', trades(ROW.split(',').reverse().join(','))],
    ['unknown names with plain values', trades(`"x":"y","n":-12,"t":true,"e":"","z":null,${ROW}`)],
    ['no trade at all', '{"topic":"publicTrade.BTCUSDT","data":[]}'],
    ['several trades', trades(`${ROW}},{${ROW}`)],
    ['numbers of 15 digits', trades(ROW.replace('65114.20', '123456789012.345'))],
    ['leading and trailing points and zeros', trades(ROW.replace('65114.20', '00.5').replace('0.004', '7.'))],
    ['a removed level', book('[["65140.4","0"]]')],
    ['a price of zero, for the book to refuse', book('[["0","1"]]')],
    ['a snapshot by its u', book('[["1","1"]]', '"u":1')],
  ])('%s', (_, text) => expect(fromBytes(text)).toBe(true));
});

describe('what is left to the text', () => {
  it.each([
    ['white space', trades(ROW).replace('"data":', '"data": ')],
    ['something behind the frame', `${trades(ROW)} `],
    ['an end too early', trades(ROW).slice(0, -1)],
    ['an escape', trades(ROW.replace('a9188a0a', 'a\\u0039'))],
    ['an escaped name', trades(ROW.replace('"p"', '"\\u0070"'))],
    ['bytes beyond ASCII', trades(ROW.replace('a9188a0a', 'é'))],
    ['a control character', trades(ROW.replace('a9188a0a', 'a\u0001b'))],
    ['a name that comes twice', trades(`${ROW},"p":"1"`)],
    ['a missing value', trades(ROW.replace('"p":"65114.20",', ''))],
    ['an empty id', trades(ROW.replace('a9188a0a', ''))],
    ['numbers of 16 digits', trades(ROW.replace('65114.20', '1234567890123.456'))],
    ['an exponent', trades(ROW.replace('65114.20', '1e3'))],
    ['an unquoted price', trades(ROW.replace('"65114.20"', '65114.20'))],
    ['two points', trades(ROW.replace('65114.20', '65.11.4'))],
    ['a price of zero', trades(ROW.replace('65114.20', '0.00'))],
    ['a negative amount', trades(ROW.replace('0.004', '-1'))],
    ['a leading zero, which is no JSON', trades(ROW.replace('753843954913', '0753'))],
    ['minus zero', trades(ROW.replace('753843954913', '-0'))],
    ['a word that is none', trades(ROW.replace('false', 'fals3'))],
    ['a word with a tail', trades(ROW.replace('false', 'falsee'))],
    ['an unknown side', trades(ROW.replace('Sell', 'Sold'))],
    ['a side with a tail', trades(ROW.replace('Sell', 'Sell '))],
    ['another symbol than that of the topic', trades(ROW.replace('BTCUSDT', 'ETHUSDT'))],
    ['a time of another century', trades(ROW.replace('1786310819680', '17863108196'))],
    ['data before its topic', `{"data":[{${ROW}}],"topic":"publicTrade.BTCUSDT"}`],
    ['nested unknown values', trades(`"x":{},${ROW}`)],
    ['a level of three texts', book('[["1","2","3"]]')],
    ['a level of numbers', book('[[1,2]]')],
    ['a u of zero', book('[["1","2"]]', '"u":0')],
    ['an option', '{"topic":"publicTrade.BTC-28JUN24-60000-P","data":[]}'],
    ['a frame of more than 64 KiB', trades(ROW.replace('a9188a0a', 'a'.repeat(70_000)))],
    ['an empty frame', ''],
  ])('%s', (_, text) => expect(fromBytes(text)).toBe(false));

  it('a short frame of which an earlier, longer one would have been the end', () => {
    expect(fromBytes(trades(ROW))).toBe(true);
    for (let end = 0; end < trades(ROW).length; end += 1) expect(fromBytes(trades(ROW).slice(0, end))).toBe(false);
  });
});

describe('texts that recur', () => {
  it('are told apart at any number of them', () => {
    const both = new Both(bybit);
    for (let i = 0; i < 6_000; i += 1) {
      const symbol = `S${(i * 7919) % 6_000}USDT`;
      const text = trades(ROW).replaceAll('BTCUSDT', symbol);
      expect(both.read({ exchange: 'bybit', url: LINEAR, at: 1, text }, text)).toBe(true);
    }
  });
});
