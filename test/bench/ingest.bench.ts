/**
 * Frames per second from what a socket or a tape gives to records, against JSON.parse alone and tardis-dev's normaliser.
 *
 *   npm ci --prefix test/bench --ignore-scripts
 *   node --import tsx test/bench/ingest.bench.ts
 *
 * Part 1, one frame at a time, one core: the recorded frames of each kind, varied (prices, amounts, ids, times) so that no
 * cache or branch predictor knows them by heart. `json` is JSON.parse of the text and nothing else; `tardis` adds what its
 * `normalize` does (canHandle and map of the trade and book mappers); `text` and `bytes` are our readers, given the text or
 * the bytes; `columns` is their scan alone, into typed columns: what no record costs. Part 2, whole replays: bytes
 * of a tape to NDJSON text, against JSON.parse of its lines.
 *
 * What is measured is the processor time of this process, the least of interleaved rounds: other work on the machine then
 * disturbs all alike. All values are compared before anything is timed.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { openReplay } from '../../src/lib/capture/replay/replay.js';
import type { Frame, FrameBytes, FrameReader } from '../../src/lib/exchanges/exchange.js';
import { EXCHANGES } from '../../src/lib/exchanges/index.js';
import type { AnyRecord, Trade } from '../../src/lib/model/records.js';
import { createNdjsonEncoder } from '../../src/lib/sinks/ndjson.js';
import { bitgetTrades as bitgetColumns, bybitBook, bybitTrades as bybitColumns, type Scan } from './columns.js';

const { normalizeTrades, normalizeBookChanges } = createRequire(import.meta.url)('tardis-dev');

const ROUNDS = 9;
const FRAMES = 4_000;
const GOALS = { json: 2.5, tardis: 4 };

type Mapper = { canHandle(message: unknown): boolean; map(message: unknown, at: Date): Iterable<Record<string, unknown>> };
type Kind = {
  name: string;
  texts: string[];
  reader: () => FrameReader;
  tardis: (text: string) => Record<string, unknown>[];
  columns?: Scan;
};

function lines(tape: string): Record<string, unknown>[] {
  const text = gunzipSync(readFileSync(join(import.meta.dirname, '../../fixtures', tape))).toString();
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const random = seeded(7);

/** Other digits in all values, as many of them: keys, order and lengths stay as recorded. */
function varied(text: string): string {
  return text.replace(/"(\d+\.\d+|\d{1,12}|[0-9a-f-]{36}|\d{19})"|:(\d{13,15})(?=[,}])/g, (token) =>
    token.replace(/(?<=\d\d\d\d\d\d.*)\d|(?<=^"\d+\.\d*)[1-9]|(?<=-.*)[0-9a-f]/g, (digit) => {
      const other = Math.floor(random() * 10);
      return digit === '-' ? digit : String(other === 0 ? 1 : other);
    }),
  );
}

/** So many frames of a kind, all different. */
function framesOf(tape: string, wanted: (text: string) => boolean): string[] {
  const recorded = lines(tape)
    .map(({ frame }) => frame)
    .filter((frame): frame is string => typeof frame === 'string' && wanted(frame))
    .map((frame) => frame.replace('"orderbook.200.', '"orderbook.50.'));
  return Array.from({ length: FRAMES }, (_, index) => varied(recorded[index % recorded.length] as string));
}

function normalizer(exchange: string): (text: string) => Record<string, unknown>[] {
  const at = new Date('2026-08-09T00:00:00Z');
  const mappers: Mapper[] = [normalizeTrades(exchange, at), normalizeBookChanges(exchange, at)];
  return (text) => {
    const message: unknown = JSON.parse(text);
    const items: Record<string, unknown>[] = [];
    for (const mapper of mappers) if (mapper.canHandle(message)) for (const item of mapper.map(message, at)) items.push(item);
    return items;
  };
}

function readerOf(id: string, url: string): () => FrameReader {
  const exchange = EXCHANGES.find((candidate) => candidate.id === id);
  return () => exchange?.createReader(url) as FrameReader;
}

const bybit = { reader: readerOf('bybit', 'wss://h/v5/public/linear'), tardis: normalizer('bybit') };
const bitget = { reader: readerOf('bitget', 'wss://h/v2/ws/public'), tardis: normalizer('bitget-futures') };
const bybitTrades = framesOf('bybit-v5.tape.ndjson.gz', (text) => text.includes('publicTrade'));
const bybitBooks = framesOf('bybit-v5.tape.ndjson.gz', (text) => text.includes('orderbook.200') && text.includes('"delta"'));
const bitgetTrades = framesOf('bitget-v2.tape.ndjson.gz', (text) => text.includes('"trade"') && text.includes('"update"'));
const bitgetBooks = framesOf('bitget-v2.tape.ndjson.gz', (text) => text.includes('"books"') && text.includes('"update"'));
const kinds: Kind[] = [
  { name: 'bitget trade', texts: bitgetTrades, columns: bitgetColumns, ...bitget },
  { name: 'bybit trade', texts: bybitTrades.filter((text) => text.split('"T"').length === 2), columns: bybitColumns, ...bybit },
  { name: 'bybit trades', texts: bybitTrades, columns: bybitColumns, ...bybit },
  { name: 'bybit book delta', texts: bybitBooks, columns: bybitBook, ...bybit },
  { name: 'bitget book update', texts: bitgetBooks.slice(0, 400), ...bitget },
];

const numeric = (levels: unknown): number[][] => (levels as unknown[][]).map((level) => level.map(Number));
const plain = (frame: Frame): unknown =>
  JSON.parse(JSON.stringify(frame, (key, value) => (key === 'bids' || key === 'asks' ? numeric(value) : value)));

/** The prices and amounts of a frame. */
function numbersOf({ events }: Extract<Frame, { kind: 'data' }>): number[] {
  return events.flatMap((event) => {
    if (event.type === 'book_message') return [...numeric(event.bids), ...numeric(event.asks)].flat();
    return event.type === 'trade' ? [event.price, event.amount] : [];
  });
}

/** Fails unless text, bytes, columns and tardis (where it knows the kind) say the same of every frame. */
function verify({ name, texts, reader, tardis, columns }: Kind): void {
  const [asText, asBytes] = [reader(), reader()];
  for (const text of texts) {
    const frame = asText.read(text, 1);
    assert.equal(frame.kind, 'data', `${name}: ${text}`);
    assert.deepEqual(plain(asBytes.read(Buffer.from(text) as unknown as FrameBytes, 1)), plain(frame));
    if (frame.kind !== 'data') continue;
    if (columns) assert.deepEqual(columns(Buffer.from(text)).sort(), numbersOf(frame).sort());
    const theirs: Record<string, unknown>[] = tardis(text).map((item) => ({
      ...item,
      at: (item.timestamp as Date).getTime() * 1000,
    }));
    if (theirs.length === 0) continue;
    assert.equal(theirs.length, frame.events.length);
    for (const event of frame.events) {
      if (event.type === 'book_message') {
        const levels = (side: unknown) =>
          (side as { price: number; amount: number }[]).map(({ price, amount }) => [price, amount]);
        const [book] = theirs;
        assert.deepEqual([numeric(event.bids), numeric(event.asks)], [levels(book?.bids), levels(book?.asks)]);
      } else {
        const { symbol, timestamp, price, amount, side, id } = event as Trade;
        const same = (item: Record<string, unknown>) =>
          item.id === id && item.price === price && item.amount === amount && item.side === side && item.at === timestamp;
        assert.ok(
          theirs.some((item) => item.symbol === symbol && same(item)),
          `${name}: ${text}`,
        );
      }
    }
  }
}

/** Returns the processor time of `work`, nanoseconds. */
async function timed(work: () => void | Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000;
}

/** Returns the least time of each piece of work over interleaved rounds. */
async function race(works: Record<string, () => void | Promise<void>>, rounds = ROUNDS): Promise<Record<string, number>> {
  const best: Record<string, number> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, work] of Object.entries(works))
      best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, await timed(work));
  }
  return best;
}

let sink: unknown;

/** Work that does something with each item, often enough to be measured. */
function each<Item>(items: readonly Item[], act: (item: Item) => unknown): () => void {
  const times = Math.max(1, Math.round(20_000 / items.length));
  return () => {
    for (let time = 0; time < times; time++) for (const item of items) sink = act(item);
  };
}

function worksOf(kind: Kind): Record<string, () => void> {
  const bytes = kind.texts.map((text) => Buffer.from(text) as unknown as FrameBytes);
  const [asText, asBytes] = [kind.reader(), kind.reader()];
  return {
    json: each(kind.texts, (text) => JSON.parse(text)),
    tardis: each(kind.texts, kind.tardis),
    text: each(kind.texts, (text) => asText.read(text, 1)),
    bytes: each(bytes, (frame) => asBytes.read(frame, 1)),
    ...(kind.columns && { columns: each(bytes, kind.columns.count) }),
  };
}

/** 40 % Bitget trades, 40 % Bybit trades, 20 % Bybit book deltas, in turn. */
function worksOfMix(): Record<string, () => void> {
  const [trade, single, , delta] = kinds as [Kind, Kind, Kind, Kind];
  const mixed = Array.from({ length: FRAMES }, (_, index) => {
    const kind = [trade, single, trade, single, delta][index % 5] as Kind;
    const text = kind.texts[index % kind.texts.length] as string;
    return { text, bytes: Buffer.from(text) as unknown as FrameBytes, kind };
  });
  const readers = new Map([trade, single, delta].map((kind) => [kind.tardis, kind.reader()]));
  const reader = (kind: Kind) => readers.get(kind.tardis) as FrameReader;
  return {
    json: each(mixed, ({ text }) => JSON.parse(text)),
    tardis: each(mixed, ({ text, kind }) => kind.tardis(text)),
    text: each(mixed, ({ text, kind }) => reader(kind).read(text, 1)),
    bytes: each(mixed, ({ bytes, kind }) => reader(kind).read(bytes, 1)),
    columns: each(mixed, ({ bytes, kind }) => kind.columns?.count(bytes)),
  };
}

function row(name: string, count: number, best: Record<string, number>): string {
  const rates = ['json', 'tardis', 'text', 'bytes', 'columns'].map((one) =>
    best[one] ? Math.round((count / best[one]) * 1e6) : '',
  );
  const ratios = ['bytes', 'columns'].flatMap((own) => ['json', 'tardis'].map((over) => (best[over] ?? 0) / (best[own] ?? 0)));
  const cells = [...rates, ...ratios.map((ratio) => (Number.isFinite(ratio) ? ratio.toFixed(2) : ''))];
  return name.padEnd(20) + cells.map((cell) => String(cell).padStart(9)).join('');
}

async function frames(): Promise<void> {
  console.log(
    `frames to records, thousand frames a second of processor time (goals: ${GOALS.json} × json, ${GOALS.tardis} × tardis)`,
  );
  const heads = ['json', 'tardis', 'text', 'bytes', 'columns', 'b÷json', 'b÷tardis', 'c÷json', 'c÷tardis'];
  console.log(''.padEnd(20) + heads.map((head) => head.padStart(9)).join(''));
  for (const kind of kinds) {
    verify(kind);
    const count = Math.max(1, Math.round(20_000 / kind.texts.length)) * kind.texts.length;
    console.log(row(kind.name, count, await race(worksOf(kind))));
  }
  console.log(row('mix 40/40/20', 20_000, await race(worksOfMix())));
}

/** Writes a tape that repeats the frames of a recording, and returns its lines. */
function repeated(tape: string, path: string, times: number): string[] {
  const all = lines(tape);
  const others = all.filter((line) => typeof line.frame !== 'string' && !('http' in line));
  // Histories of candles come once per subscription, not every half minute.
  const recorded = all.filter(({ frame }) => typeof frame === 'string' && frame.length < 20_000);
  const period = Number(recorded.at(-1)?.at) - Number(recorded[0]?.at) + 1000;
  const shifted = Array.from({ length: times }, (_, time) =>
    recorded.map((line) => JSON.stringify({ ...line, at: Number(line.at) + time * period })),
  );
  const text = [...others.map((line) => JSON.stringify(line)), ...shifted.flat()];
  writeFileSync(path, `${text.join('\n')}\n`);
  return text;
}

const REPLAYED = [
  ['trade', ['trade']],
  ['trade, ticker, book', ['trade', 'ticker', 'book']],
  ['trade, book_delta', ['trade', 'book_delta']],
] as const;

async function replays(tape: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mdtool-bench-'));
  const path = join(folder, 'tape.ndjson');
  const text = repeated(tape, path, 20);
  try {
    for (const [name, channels] of REPLAYED) {
      let records = 0;
      let written = 0;
      const replay = async () => {
        const encoder = createNdjsonEncoder();
        const elapsed = () => performance.now();
        const pacing = { elapsed, sleep: async () => {}, signal: new AbortController().signal };
        const options = { depth: 15, bookInterval: 100_000, warn: () => {}, pacing };
        written = 0;
        const run = await openReplay({ paths: [path], exchanges: [], channels, ...options });
        for await (const batch of run.records as AsyncIterable<AnyRecord[]>) written += encoder.encode(batch).length;
        records = encoder.records;
      };
      const best = await race({ json: once(text, (line) => JSON.parse(line)), replay }, 5);
      const { json = 0, replay: own = 0 } = best;
      const rate = Math.round((text.length / own) * 1e6);
      console.log(
        `${name.padEnd(20)} ${rate} k frames/s to ${records} records, ${(written / 1e6).toFixed(1)} MB of NDJSON: ${(json / own).toFixed(2)} × JSON.parse of the lines`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function once<Item>(items: readonly Item[], act: (item: Item) => unknown): () => void {
  return () => {
    for (const item of items) sink = act(item);
  };
}

await frames();
for (const tape of ['bybit-v5.tape.ndjson.gz', 'bitget-v2.tape.ndjson.gz']) {
  console.log(`\nreplay of ${tape}, 20 times over`);
  await replays(tape);
}
assert.notEqual(sink, undefined);
