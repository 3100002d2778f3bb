import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createParquetSink } from '../../../../src/lib/cli/output/database-sink.js';
import { FeatureEngine } from '../../../../src/lib/features/engine.js';
import { batchFeatures } from '../../../../src/lib/features/store/feature-step.js';
import { featuresOfFiles } from '../../../../src/lib/features/store/file-features.js';
import { encodeRecord } from '../../../../src/lib/model/ndjson.js';
import type { AnyRecord, RecordType, Trade } from '../../../../src/lib/model/records.js';
import { isOfSelection, type RecordSelection } from '../../../../src/lib/model/selection.js';
import { gapRecord, tradeRecord } from '../../../support/records.js';
import { samples } from '../../../support/samples.js';

let directory: string;
let files = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'features-'));
});
afterAll(() => rm(directory, { recursive: true }));

const START = 1_786_310_820_000_000;
const OPTIONS = { grace: 1_000_000, windows: new Map([['delta_z', 3]]) };

/** Writes a Parquet file for each type; returns their paths. */
async function written(records: readonly AnyRecord[]): Promise<string[]> {
  const paths: string[] = [];
  for (const type of new Set(records.map((record) => record.type))) {
    const path = join(directory, `${files++}.parquet`);
    const sink = await createParquetSink({ path: path.replace('.parquet', '-{type}.parquet'), force: false });
    await sink.write(records.filter((record) => record.type === type));
    await sink.close();
    paths.push(path.replace('.parquet', `-${type}.parquet`));
  }
  return paths;
}

type Run = { readonly rows: string[]; readonly counts: FeatureEngine['counts']; readonly seen: string[] };

async function byRecords(records: readonly AnyRecord[], selection: RecordSelection): Promise<Run> {
  async function* input() {
    yield records.filter((record) => isOfSelection(record, selection));
  }
  const { records: rows, counts, seen } = batchFeatures(input(), OPTIONS);
  const found: string[] = [];
  for await (const batch of rows) found.push(...batch.map(encodeRecord));
  return { rows: found.sort(), counts, seen: [...seen()].sort() };
}

/** Returns undefined when the files have to be read record by record. */
async function byColumns(
  paths: readonly string[],
  selection: RecordSelection,
  limits: { readonly heldBytes?: number; readonly sortedAtOnce?: number } = {},
): Promise<Run | undefined> {
  const engine = new FeatureEngine({ ...OPTIONS, batch: true });
  let isLeft = false;
  async function* otherwise(): AsyncGenerator<AnyRecord[]> {
    isLeft = true;
    yield [];
  }
  const found: string[] = [];
  const request = { input: paths, selection, stopped: new AbortController().signal, ...limits };
  for await (const batch of featuresOfFiles(request, engine, otherwise())) found.push(...batch.map(encodeRecord));
  return isLeft ? undefined : { rows: found.sort(), counts: engine.counts, seen: [...engine.seen].sort() };
}

const number = fc.constantFrom(1e-8, 0.1, 0.2, 0.3, 3, 100.5, 64_999.9, 123_456.789);
const maybe = fc.option(number, { nil: undefined, freq: 3 });
const levels = fc.array(fc.tuple(number, number), { maxLength: 17 });

/** Few seconds and times: ties, out of order rows and silences of more than a minute are common. */
const record = fc
  .record({
    symbol: fc.constantFrom('BTCUSDT', 'ETHUSDT', '1000000BABYDOGEUSDT'),
    second: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 9 }) }, { weight: 1, arbitrary: fc.constant(200) }),
    part: fc.constantFrom(0, 1, 300_000, 999_999),
    arrival: fc.option(fc.integer({ min: 0, max: 3_000_000 }), { nil: undefined }),
    place: fc.integer({ min: 0, max: 1e9 }),
    sequence: fc.option(fc.constantFrom('1', '2', '9007199254740993', '9007199254740994'), { nil: undefined }),
    values: fc.tuple(maybe, maybe, maybe, maybe, number, number),
    books: fc.tuple(levels, levels),
    type: fc.constantFrom<RecordType[]>(
      'trade',
      'trade',
      'trade',
      'book_snapshot',
      'ticker',
      'mark_price',
      'open_interest',
      'funding',
      'gap',
      'candle',
      'clock',
      'liquidation',
    ),
    flag: fc.boolean(),
  })
  .map(({ symbol, second, part, arrival, place, sequence, values: [a, b, c, d, e, f], books: [bids, asks], type, flag }) => {
    const timestamp = START + second * 1_000_000 + part;
    const market = { exchange: 'bybit', market: 'linear' } as const;
    const times = { timestamp, localTimestamp: arrival === undefined ? undefined : timestamp + arrival };
    const common = { ...market, symbol, ...times };
    const side = flag ? 'buy' : 'sell';
    const known = place % 9 === 0 ? undefined : side;
    switch (type) {
      case 'trade':
        return { type, ...common, id: `${place}`, price: e, amount: f, side: known, sequence };
      case 'book_snapshot':
        return { type, ...common, bids, asks, sequence };
      case 'ticker':
        return { type, ...common, bid: a, bidAmount: b, ask: c, askAmount: d };
      case 'mark_price':
        return { type, ...common, mark: e, index: a };
      case 'open_interest':
        return { type, ...common, amount: a, amountBothSides: b };
      case 'funding':
        return { type, ...common, rate: e, settled: flag || undefined };
      case 'liquidation':
        return { type, ...common, side, price: e, amount: f };
      case 'clock':
        return { type, ...market, timestamp };
      case 'candle':
        return {
          type,
          ...common,
          timestamp: (Math.floor(START / 900_000_000) - second) * 900_000_000,
          interval: '15m',
          open: 3,
          high: 4,
          low: 2,
          close: 3,
          volume: 1,
          source: 'exchange',
          closed: true,
        };
      default:
        return {
          ...gapRecord,
          ...common,
          channel: flag ? 'trade' : 'book',
          fromTimestamp: timestamp - 1_500_000,
          untilTimestamp: timestamp,
          missing: place % 3 > 0,
        };
    }
  }) as unknown as fc.Arbitrary<AnyRecord>;

/** What a second is made of is once per symbol, time and arrival, as an exchange sends it. */
const input = fc.uniqueArray(record, {
  minLength: 20,
  maxLength: 200,
  selector: (one) => {
    if (one.type === 'trade') return one.id;
    const arrival = one.type === 'candle' ? '' : one.localTimestamp;
    return `${one.type} ${'symbol' in one ? one.symbol : ''} ${one.timestamp} ${arrival}`;
  },
});

describe('features of files read by columns', () => {
  it('are those of their records, to the last digit', async () => {
    let [columns, all] = [0, 0];
    await fc.assert(
      fc.asyncProperty(input, fc.constantFrom<RecordSelection>({}, {}, { symbols: ['ETHUSDT'] }), async (records, selection) => {
        const paths = await written(records);
        const found = await byColumns(paths, selection);
        all += 1;
        if (!found) return;
        columns += 1;
        expect(found).toEqual(await byRecords(records, selection));
        // Too many to be held in memory are sorted by DuckDB, those of many days are copied before.
        expect(await byColumns(paths, selection, { heldBytes: -1 })).toEqual(found);
        expect(await byColumns(paths, selection, { heldBytes: -1, sortedAtOnce: 0 })).toEqual(found);
        const ordered = await written([...records].sort((a, b) => a.timestamp - b.timestamp));
        expect(await byColumns(ordered, selection)).toEqual(found);
      }),
      { numRuns: samples(4) },
    );
    expect(columns).toBeGreaterThan(all / 2);
  });

  it.each<[string, readonly AnyRecord[]]>([
    ['a repeated trade', [tradeRecord(), tradeRecord()]],
    ['two trades with one id', [tradeRecord(), tradeRecord({ price: 7 } as Partial<Trade>)]],
    ['two tickers of one moment', [1, 2].map((last) => ({ ...tickerOf(START), last }))],
    ['a gap that is there twice', [tradeRecord(), gapRecord, gapRecord]],
    ['a price below zero', [tradeRecord({ price: -1 } as Partial<Trade>)]],
  ])('are left to the records with %s', async (_, records) => {
    expect(await byColumns(await written(records), {})).toBeUndefined();
  });
});

function tickerOf(timestamp: number) {
  return {
    type: 'ticker',
    exchange: 'bybit',
    market: 'linear',
    symbol: 'BTCUSDT',
    timestamp,
    localTimestamp: timestamp,
  } as const;
}
