import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readByColumns } from '../../../../src/lib/backtest/study/column-source.js';
import { type LoadedMarket, MarketReader } from '../../../../src/lib/backtest/study/market-reader.js';
import { createParquetSink } from '../../../../src/lib/cli/output/database-sink.js';
import { readInput } from '../../../../src/lib/input/input.js';
import type { AnyRecord, Candle, Trade } from '../../../../src/lib/model/records.js';
import { isSelected, type RecordSelection } from '../../../../src/lib/model/selection.js';
import { createFileSink } from '../../../../src/lib/sinks/file.js';
import { samples } from '../../../support/samples.js';

let directory: string;
let files = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'columns-'));
});
afterAll(() => rm(directory, { recursive: true }));

const START = 1_786_310_820_000_000;
const SYMBOLS = ['BTCUSDT', 'ETHUSDT', '1000PEPE'];

/** Writes records of one type to a file; returns its path. */
async function written(records: readonly AnyRecord[], format: 'csv' | 'parquet'): Promise<string> {
  const path = join(directory, `${files++}.${format}`);
  const options = { path, force: false, types: [records[0]?.type ?? 'trade'] } as const;
  const sink = format === 'csv' ? createFileSink({ ...options, format, type: options.types[0] }) : createParquetSink(options);
  const opened = await sink;
  await opened.write(records);
  await opened.close();
  return path;
}

type Loaded = { readonly markets: readonly LoadedMarket[]; readonly broken: readonly string[] };

async function byRecords(paths: readonly string[], selection: RecordSelection): Promise<Loaded> {
  const broken: string[] = [];
  const reader = new MarketReader({ books: true, broken: (reason) => broken.push(reason) });
  for await (const records of readInput(paths, { broken: (reason) => broken.push(reason) }))
    reader.add(records.filter((record) => isSelected(record, selection)));
  return { markets: reader.finish(), broken };
}

async function byColumns(paths: readonly string[], selection: RecordSelection): Promise<Loaded | undefined> {
  const broken: string[] = [];
  const reader = await readByColumns({ ...selection, books: true, broken: (reason) => broken.push(reason), paths });
  return reader && { markets: reader.finish(), broken };
}

/** Few times, ids and prices: ties, copies and contradictions are common. */
const trade: fc.Arbitrary<Trade> = fc
  .record({
    symbol: fc.constantFrom(...SYMBOLS),
    second: fc.integer({ min: 0, max: 12 }),
    arrival: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    id: fc.oneof(fc.integer({ min: 0, max: 30 }).map(String), fc.uuid(), fc.constantFrom('é-1', '12345678901234567890')),
    price: fc.constantFrom(1e-8, 0.1, 100, 101.5, 64_999.9),
    amount: fc.constantFrom(0.001, 1e-8, 123456.789),
    side: fc.constantFrom('buy', 'sell'),
    sequence: fc.option(fc.integer({ min: 0, max: 4 }).map(String), { nil: undefined }),
  })
  .map(({ second, arrival, ...rest }) => {
    const timestamp = START + second * 1000;
    const localTimestamp = arrival === undefined ? undefined : timestamp + arrival;
    return { type: 'trade', exchange: 'bybit', market: 'linear', timestamp, localTimestamp, ...rest };
  });

const candle: fc.Arbitrary<Candle> = fc
  .record({
    symbol: fc.constantFrom(...SYMBOLS),
    minute: fc.integer({ min: 0, max: 9 }),
    interval: fc.constantFrom('1m', '1m', '5m'),
    source: fc.constantFrom('trades', 'exchange'),
    arrival: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    open: fc.option(fc.constantFrom(1e-8, 99, 100), { nil: undefined, freq: 5 }),
    closed: fc.boolean(),
    complete: fc.constantFrom(undefined, true, false),
    volume: fc.constantFrom(0, 2.5),
  })
  .map(({ minute, interval, arrival, open, volume, ...rest }) => {
    const timestamp = START + minute * (interval === '5m' ? 300_000_000 : 60_000_000);
    const prices = open === undefined ? {} : { open, high: open * 2, low: open / 2, close: open };
    const place = { type: 'candle', exchange: 'bybit', market: 'linear', timestamp, localTimestamp: arrival } as const;
    const localTimestamp = arrival === undefined ? undefined : START + arrival;
    return { ...place, localTimestamp, interval, ...prices, volume: open === undefined ? 0 : volume, ...rest } as Candle;
  })
  .filter(({ interval, timestamp }) => interval === '1m' || timestamp % 300_000_000 === 0);

const selection: fc.Arbitrary<RecordSelection> = fc.record({
  symbols: fc.constantFrom(undefined, undefined, ['BTCUSDT']),
  since: fc.constantFrom(undefined, undefined, START + 5000),
  until: fc.constantFrom(undefined, undefined, START + 200_000_000),
});

/** Makes ids unique; what came first still decides their order. */
function withOwnIds(records: readonly AnyRecord[], file: string): AnyRecord[] {
  return records.map((record, row) => (record.type === 'trade' ? { ...record, id: `${record.id}-${file}${row}` } : record));
}

describe('files read by columns', () => {
  it.each([
    ['trades', trade as fc.Arbitrary<AnyRecord>],
    ['candles', candle as fc.Arbitrary<AnyRecord>],
  ])('give the market, the notes and the messages that records give: %s', async (_, record) => {
    const batch = fc.array(record, { minLength: 1, maxLength: 25 });
    const format = fc.constantFrom<'csv' | 'parquet'>('csv', 'parquet');
    await fc.assert(
      fc.asyncProperty(batch, batch, format, format, selection, async (first, second, formatA, formatB, selected) => {
        const paths = [await written(withOwnIds(first, 'a'), formatA), await written(withOwnIds(second, 'b'), formatB)];
        const outcome = async (load: typeof byColumns) => load(paths, selected).catch((error: Error) => error.message);
        const columns = await outcome(byColumns);
        expect(columns).toBeDefined();
        expect(columns).toEqual(await outcome(byRecords));
      }),
      { numRuns: samples(3) },
    );
  });

  it('are checked while they are read: a late row that is another series or no record is found', async () => {
    const names = {
      type: 'candle',
      exchange: 'bybit',
      market: 'linear',
      symbol: 'X',
      interval: '60s',
      source: 'trades',
    } as const;
    const prices = { open: 2, high: 3, low: 1, close: 2, volume: 1, closed: true };
    const candles = Array.from({ length: 1100 }, (_, minute): Candle => {
      return { ...names, timestamp: START + minute * 60_000_000, ...prices };
    });
    const ending = (more: Partial<Candle>) => [...candles.slice(0, -1), { ...(candles.at(-1) as Candle), ...more }];
    const trades = candles.map(({ timestamp }, row): Trade => {
      return { ...names, type: 'trade', timestamp, id: String(row), price: 1, amount: 1, side: 'buy' };
    });
    const last = { ...(trades.at(-1) as Trade), symbol: 'Y' };
    const between = candles.map((one, row) => (row === 1050 ? { ...one, symbol: 'Y' } : one));
    const whole = [candles, between, ending({ symbol: 'Y' }), trades, [...trades.slice(1), last]];
    const broken = [ending({ high: 1 }), ending({ timestamp: START + 1 })];
    for (const records of [...whole, ...broken]) {
      const [text, file] = [await written(records, 'csv'), await written(records, 'parquet')];
      // As text: comparing thousands of numbers one by one takes seconds.
      expect(JSON.stringify(await byColumns([file], {}))).toBe(JSON.stringify(await byRecords([file], {})));
      // The records of a text name the line that is no record.
      if (broken.includes(records as Candle[])) expect(await byColumns([text], {})).toBeUndefined();
      else expect(JSON.stringify(await byColumns([text], {}))).toBe(JSON.stringify(await byRecords([text], {})));
    }
  });

  it('are refused as their records are: a row of Parquet that a database reads and that is no record', async () => {
    const trade = `'bybit' AS exchange, 'linear' AS market, 'X' AS symbol, make_timestamptz(${START} + i * 1000) AS timestamp,
      'id-' || i AS id, 1.5::DOUBLE AS price, 2::DOUBLE AS amount, 'buy' AS side, i::BIGINT AS sequence`;
    const candle = `'bybit' AS exchange, 'linear' AS market, 'X' AS symbol, make_timestamptz(${START} + i * 60000000) AS timestamp,
      '60s' AS interval, 2::DOUBLE AS open, 3::DOUBLE AS high, 1::DOUBLE AS low, 2::DOUBLE AS close, 5::DOUBLE AS volume,
      10::DOUBLE AS turnover, 1::DOUBLE AS buy_volume, 4::BIGINT AS trades, 'trades' AS source, true AS closed`;
    const [nan, infinite] = ["'nan'::DOUBLE", "'inf'::DOUBLE"];
    const spoilt = (names: readonly string[], values: readonly string[]) =>
      names.flatMap((name) => values.map((value) => [name, value] as const));
    const ofTrades = [
      ...spoilt(['price', 'amount'], [nan, infinite, '0', '-1', 'NULL']),
      ...spoilt(['id'], ["'1.76E+12'", "'1e5'", "'9E+5'", "'1.5'", "'1ea'", 'NULL']),
      ...spoilt(['side'], ["'none'", 'NULL']),
      ...spoilt(['sequence'], ['9007199254740992', '-1', 'NULL']),
      ...spoilt(['timestamp'], ['NULL', "'infinity'::TIMESTAMPTZ", 'make_timestamptz(0)']),
      ...spoilt(['exchange', 'market', 'symbol'], ['NULL', "'null'"]),
    ];
    const ofCandles = [
      ...spoilt(['open', 'high', 'low', 'close', 'volume'], [nan, infinite, '-1', 'NULL', '0']),
      ...spoilt(['turnover', 'buy_volume'], [nan, infinite, '-1', 'NULL', '6']),
      ...spoilt(['trades'], ['0', '-1', 'NULL']),
      ...spoilt(['interval'], ["'1m'", "'7'", 'NULL', "'5m'"]),
      ...spoilt(['source', 'market'], ["'other'", 'NULL']),
      ...spoilt(['closed'], ['false', 'NULL']),
      ...spoilt(['timestamp'], ['NULL', `make_timestamptz(${START} + 1)`]),
    ];
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const cases = [...ofTrades.map((one) => [trade, ...one] as const), ...ofCandles.map((one) => [candle, ...one] as const)];
    for (const [columns, name, value] of cases) {
      const path = join(directory, `${files++}.parquet`);
      const rows = `SELECT * REPLACE (CASE WHEN i = 2 THEN ${value} ELSE "${name}" END AS "${name}") FROM (SELECT ${columns}, i FROM range(4) r(i))`;
      await connection.run(`COPY (SELECT * EXCLUDE (i) FROM (${rows})) TO '${path}' (FORMAT parquet)`);
      const outcome = async (load: typeof byColumns) => load([path], {}).catch((error: Error) => error.message);
      const given = await outcome(byColumns);
      // Undefined where the records have to be read one by one.
      if (given !== undefined) expect([name, value, given]).toEqual([name, value, await outcome(byRecords)]);
    }
    connection.closeSync();
    instance.closeSync();
  }, 120_000);

  it('leave what columns cannot hold exactly to the records, with nothing reported', async () => {
    const base: Trade = {
      type: 'trade',
      exchange: 'bybit',
      market: 'linear',
      symbol: 'X',
      timestamp: START,
      id: 'a',
      price: 1,
      amount: 1,
      side: 'buy',
    };
    const large = await written([{ ...base, sequence: '9007199254740993' }], 'parquet');
    const broken = join(directory, 'broken.csv');
    await writeFile(broken, `exchange,market,symbol,timestamp,id,price,amount,side\nbybit,linear,X,${START},a, 1,1,buy\n`);
    const lines = join(directory, 'lines.ndjson');
    await writeFile(lines, '');
    const copies = await written([base, { ...base, timestamp: START + 1, price: 2 }], 'parquet');
    for (const path of [large, broken, lines, copies]) expect(await byColumns([path], {})).toBeUndefined();
    expect((await byRecords([broken], {})).broken).toEqual([expect.stringContaining('row 2: trade.price')]);
  });
});
