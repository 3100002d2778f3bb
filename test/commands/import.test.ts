import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImportOptions } from '../../src/lib/import/options.js';
import { PRESETS } from '../../src/lib/import/presets.js';
import { RowReader } from '../../src/lib/import/row-reader.js';
import { openSource } from '../../src/lib/import/source-file.js';
import { UsageError } from '../../src/lib/model/errors.js';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import { ROOT } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'import-'));
  await cp(join(ROOT, 'fixtures/layouts'), directory, { recursive: true });
});
afterAll(() => rm(directory, { recursive: true }));

const run = (...args: string[]) => mdtoolHere(['import', ...args], { cwd: directory });

/** The options of flags, as the command reads them. */
function optionsOf(flags: readonly string[]): ImportOptions {
  const given = Object.fromEntries(flags.flatMap((flag, index) => (index % 2 === 0 ? [[flag.slice(2), flags[index + 1]]] : [])));
  const columns = given.columns && Object.fromEntries(given.columns.split(',').map((pair) => pair.split('=')));
  return {
    ...given,
    symbol: given.symbols,
    inputTz: given['input-tz'],
    columns,
    noHeader: false,
    decimal: '.',
  } as unknown as ImportOptions;
}

/** Reads a file as `import` does, without ordering or storing its records: that takes no database. */
async function recordsOf(name: string, flags: readonly string[]): Promise<unknown[]> {
  const source = await openSource(join(directory, name), optionsOf(flags));
  if (!source.table) throw new Error(`${name} is no foreign file`);
  const reader = new RowReader(source.mapping, source.writtenAt);
  return source.sample.flatMap((row) => reader.read(row)).map((record) => JSON.parse(encodeRecord(record)));
}

async function queried(store: string, sql: string): Promise<string> {
  const { stdout } = await mdtoolHere(['query', sql, '--store', store, '--format', 'csv', '--quiet'], { cwd: directory });
  return stdout.trim().split('\n').slice(1).join('\n');
}

const linear = ['--market', 'linear'];
const hour = ['--exchange', 'bybit', ...linear, '--symbols', 'BTCUSDT', '--interval', '1h'];
const at = (iso: string) => Date.parse(iso) * 1000;
const candle = (open: number, high: number, low: number, close: number, volume: number) => ({
  type: 'candle',
  open,
  high,
  low,
  close,
  volume,
  source: 'exchange',
  closed: true,
});
const trade = (id: string, price: number, amount: number, side: string) => ({ type: 'trade', id, price, amount, side });
const BTC = { symbol: 'BTCUSDT' };

/** File, flags, number of records, and what the first one must say, worked out by hand. */
const SAMPLES: [file: string, flags: string[], count: number, first: Record<string, unknown>][] = [
  // 1588291200.12346 s; inverse contracts count dollars; the file runs newest first.
  [
    'BTCUSD2020-05-01.csv',
    [],
    5,
    {
      exchange: 'bybit',
      market: 'inverse',
      ...trade('00000004-0000-5000-8000-000000000000', 8604, 500, 'sell'),
      timestamp: 1_588_291_200_123_460,
    },
  ],
  [
    'BTCUSDT2025-12-01.csv',
    [],
    5,
    {
      market: 'linear',
      ...trade('00000000-0000-5000-8000-000000000000', 90_000, 0.01, 'sell'),
      timestamp: 1_764_547_200_123_400,
    },
  ],
  [
    'BTCUSDT_2025-11-20.csv',
    [],
    5,
    { exchange: 'bybit', market: 'spot', ...BTC, ...trade('2025-11-20-1', 90_000, 0.1, 'sell'), sequence: '1' },
  ],
  // The clock of MetaTrader is UTC+3: 10:30 there is 07:30 UTC.
  [
    'BTCUSDT_15_2020-03-01_2020-03-31.csv',
    [],
    2,
    { ...candle(6500, 6510, 6490, 6505, 120.5), interval: '15m', timestamp: at('2020-03-25T07:30Z') },
  ],
  [
    'BTCUSDT2025-12-01_mark_price.csv',
    [],
    2,
    { type: 'mark_price', market: 'linear', mark: 90_000.5, timestamp: at('2025-12-01T00:00Z') },
  ],
  // Ids beyond 2^53; the day starts at 16:00 UTC; the amount is size(base).
  [
    'BTCUSDT_UMCBL_20250102_001.csv',
    [],
    2,
    {
      exchange: 'bitget',
      market: 'linear',
      ...trade('1259999999999999998', 93_500.1, 0.002, 'buy'),
      sequence: '1259999999999999998',
      timestamp: at('2025-01-01T16:00Z'),
    },
  ],
  [
    'BTCUSDT_SPBL_20250101.csv',
    ['--interval', '1m'],
    2,
    {
      exchange: 'bitget',
      market: 'spot',
      ...candle(93_400, 93_450, 93_390, 93_425.5, 12.5),
      turnover: 1_167_818.75,
      timestamp: at('2024-12-31T16:00Z'),
    },
  ],
  [
    'BTCUSDT-1m-2024-12-31.csv',
    ['--market', 'spot'],
    2,
    {
      exchange: 'binance',
      ...BTC,
      interval: '1m',
      ...candle(92_792.05, 92_823.52, 92_765.69, 92_765.69, 20.51346),
      trades: 3286,
      timestamp: at('2024-12-31T00:00Z'),
    },
  ],
  [
    'BTCUSDT-1m-2025-01-01.csv',
    ['--market', 'spot'],
    2,
    { ...candle(93_576, 93_610.93, 93_537.5, 93_610.93, 8.21827), buy_volume: 4.00238, timestamp: at('2025-01-01T00:00Z') },
  ],
  [
    'BTCUSDT-1m-2024-06-01.csv',
    linear,
    2,
    { ...candle(67_540, 67_545.1, 67_520, 67_533.3, 55.101), turnover: 3_721_100.1, timestamp: at('2024-06-01T00:00Z') },
  ],
  // The buyer is the maker: the taker sold.
  [
    'BTCUSDT-aggTrades-2025-01-01.csv',
    ['--market', 'spot'],
    2,
    { ...trade('3358562370', 93_576, 0.0006, 'sell'), timestamp: 1_735_689_600_000_123 },
  ],
  [
    'BTCUSDT-trades-2024-06-01.csv',
    linear,
    2,
    { ...trade('5000000001', 67_540, 0.004, 'sell'), timestamp: at('2024-06-01T00:00:00.012Z') },
  ],
  [
    'binance-futures_trades_2024-06-01_BTCUSDT.csv',
    [],
    2,
    {
      exchange: 'binance',
      market: 'linear',
      ...trade('5000000001', 67_540, 0.004, 'sell'),
      local_timestamp: 1_717_200_000_015_123,
    },
  ],
  // Two equal liquidations of one message are two.
  [
    'binance-futures_liquidations_2024-06-01_BTCUSDT.csv',
    [],
    2,
    { type: 'liquidation', side: 'buy', price: 67_600, amount: 0.5 },
  ],
  [
    'binance-futures_book_snapshot_5_2024-06-01_BTCUSDT.csv',
    [],
    2,
    {
      type: 'book_snapshot',
      bids: [
        [67_540, 2.5],
        [67_539.9, 4],
      ],
      asks: [
        [67_540.1, 1.5],
        [67_540.2, 3],
      ],
      depth: 2,
    },
  ],
  ['binance-futures_derivative_ticker_2024-06-01_BTCUSDT.csv', [], 4, { type: 'mark_price', mark: 67_540.7, index: 67_541.2 }],
  // The base volume is that of BTC; the file runs newest first.
  [
    'Bitget_BTCUSDT_1h.csv',
    ['--market', 'spot'],
    3,
    {
      exchange: 'bitget',
      interval: '1h',
      ...candle(67_540, 67_545, 67_501, 67_533, 140.5),
      turnover: 9_490_000,
      trades: 7000,
      timestamp: at('2024-06-01T00:00Z'),
    },
  ],
  [
    'XBTUSD_60.csv',
    [],
    2,
    {
      exchange: 'kraken',
      market: 'spot',
      symbol: 'XBTUSD',
      interval: '1h',
      ...candle(67_540, 67_545.1, 67_501, 67_533.3, 14.51),
      trades: 702,
    },
  ],
  // Its trades have no side.
  ['XBTUSD.csv', [], 2, { exchange: 'kraken', market: 'spot', symbol: 'XBTUSD', type: 'trade', price: 67_540, amount: 0.5 }],
  [
    'BTC_USDT_USDT-1h-futures.csv',
    ['--exchange', 'bybit'],
    2,
    { market: 'linear', ...BTC, interval: '1h', ...candle(67_540, 67_545.1, 67_501, 67_533.3, 140.5) },
  ],
  [
    'BTC_USDT_USDT-1h-futures.json',
    ['--exchange', 'bybit'],
    2,
    { market: 'linear', ...BTC, ...candle(67_540, 67_545.1, 67_501, 67_533.3, 140.5) },
  ],
  [
    'BYBIT_BTCUSDT.P, 60.csv',
    [],
    2,
    { exchange: 'bybit', market: 'linear', ...BTC, interval: '1h', ...candle(67_540, 67_545.1, 67_501, 67_533.3, 140.5) },
  ],
  ['ccxt-ohlcv.json', hour, 2, { ...candle(67_540, 67_545.1, 67_501, 67_533.3, 140.5), timestamp: at('2024-06-01T00:00Z') }],
  ['ccxt-trades.ndjson', ['--exchange', 'bybit'], 2, { market: 'linear', ...BTC, ...trade('100', 67_540, 0.1, 'buy') }],
  [
    'BTC-USD.csv',
    ['--columns', 'turnover=Volume,volume=Volume/Close'],
    2,
    {
      exchange: 'yahoo',
      interval: '1d',
      // 13,640,132,501 dollars at 67,706.94.
      ...candle(67_489.61, 67_839.77, 67_386.2, 67_706.94, 201_458.410_334_302),
      turnover: 13_640_132_501,
      timestamp: at('2024-06-01T00:00Z'),
    },
  ],
  [
    'pandas-index.csv',
    [...hour, '--input-tz', '+08:00'],
    2,
    { ...candle(67_540, 67_545.1, 67_501, 67_533.3, 140.5), timestamp: at('2024-05-31T16:00Z') },
  ],
];

describe('presets', () => {
  it.each(SAMPLES)('%s', async (file, flags, count, first) => {
    const records = await recordsOf(file, flags);
    expect(records).toHaveLength(count);
    expect(records).toContainEqual(expect.objectContaining(first));
  });

  it('have a sample each, or are refused by name', async () => {
    const { stdout } = await run(
      ...SAMPLES.map(([file]) => file).filter((file) => file.startsWith('BTCUSDT2')),
      '--dry-run',
      '--json',
    );
    expect(JSON.parse(stdout).data.map((one: { layout: string }) => one.layout)).toEqual(['bybit-trades', 'bybit-mark-klines']);
    const refused = {
      'BTCUSD2019-10-01_index_price.csv': /index price alone/,
      'BTCUSDT2020-03-25_premium_index.csv': /premium index is a rate/,
    };
    for (const [file, reason] of Object.entries(refused)) {
      const { stdout: nothing, stderr, code } = await run(file);
      expect([nothing, code]).toEqual(['', 2]);
      expect(stderr).toMatch(reason);
    }
    expect(PRESETS.filter(({ refused: why }) => why)).toHaveLength(2);
  });
});

/** A sample with one thing wrong: the change, the flags, and what the message must name. */
const WRONG: [file: string, change: (text: string) => string, flags: string[], expected: RegExp][] = [
  [
    'BTCUSDT2025-12-01.csv',
    (text) => text.replaceAll(/^(\d{10})\.\d+/gm, '$1000'),
    [],
    /has times in s, but 1764547200000 is a time in ms; --time-unit ms/,
  ],
  [
    'BTCUSDT-1m-2024-06-01.csv',
    (text) => text.replaceAll('1717200000000', '1717200000').replaceAll('1717200060000', '1717200060'),
    linear,
    /is a time in s; --time-unit s accepts it/,
  ],
  ['BTCUSDT-1m-2024-06-01.csv', (text) => text, [], /does not say its market .*give --market/],
  [
    'BTCUSDT-1m-2024-06-01.csv',
    (text) => text,
    [...linear, '--interval', '5m'],
    /--interval 5m contradicts the file, which says 1m/,
  ],
  ['BTCUSDT-1m-2024-06-01.csv', (text) => text, [...linear, '--symbols', 'ETHUSDT'], /--symbols ETHUSDT contradicts the file/],
  ['BTCUSDT-1m-2024-06-01.csv', (text) => text, [...linear, '--input-tz', 'UTC'], /--input-tz contradicts the file/],
  [
    'BTCUSDT-1m-2024-06-01.csv',
    (text) => text,
    [...linear, '--time-unit', 's'],
    /--time-unit s contradicts column open_time: 1717200000000 is a time in ms/,
  ],
  ['BTCUSD2020-05-01.csv', (text) => text, linear, /--market linear contradicts the file, which says inverse/],
  [
    'BTCUSDT2025-12-01.csv',
    (text) => text.replace(',price,', ',cost,'),
    [],
    /no preset fits the columns .* give --columns .*price=COLUMN/,
  ],
  ['BTC-USD.csv', (text) => text, [], /does not take Volume as volume: it counts dollars.*volume=Volume\/Close estimates/],
  ['BTC-USD.csv', (text) => text, ['--columns', 'volume=Volume'], /volume=Volume contradicts .*volume=Volume\/Close estimates/],
  ['BTC-USD.csv', (text) => text, ['--columns', 'timestamp=Open/Close,volume=Volume/Close'], /only a number can be the quotient/],
  ['pandas-index.csv', (text) => text, hour, /name no time zone; --input-tz says which/],
  [
    'binance-futures_trades_2024-06-01_BTCUSDT.csv',
    (text) => text.replaceAll('binance-futures', 'huobi-dm-swap'),
    [],
    /give --market/,
  ],
  ['ccxt-ohlcv.json', (text) => text, hour.slice(0, -2), /the interval of its candles; give --interval/],
  [
    'pandas-index.csv',
    (text) => text.replaceAll('.', ','),
    [...hour, '--input-tz', 'UTC', '--delimiter', ';'],
    /--columns|delimiter|expected/,
  ],
];

describe('a sample with one thing wrong', () => {
  it.each(WRONG)('%s is refused (%#)', async (file, change, flags, expected) => {
    const folder = await mkdtemp(join(directory, 'wrong-'));
    await writeFile(join(folder, file), change(await readFile(join(directory, file), 'utf8')));
    const { stdout, stderr, code } = await run(join(folder, file), ...flags, '--quiet');
    expect([stdout, code]).toEqual(['', 2]);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(expected);
  });

  it.each([
    ['every hour', [0, 1, 2, 3], 2],
    ['at most hours, some left out', [0, 2, 3, 5, 6, 7, 8, 9, 10, 12, 13], 2],
    ['too seldom to tell', [0, 1, 2, 4], 0],
  ])('candles whose given interval is shorter than they are apart: %s', async (_, hours, expected) => {
    const rows = hours.map((place) => `${1_717_200_000_000 + place * 3_600_000},10,12,9,11,1`);
    await writeFile(join(directory, 'hours.csv'), `time,open,high,low,close,volume\n${rows.join('\n')}\n`);
    const { stderr, code } = await run('hours.csv', ...hour.slice(0, -1), '1m', '--quiet');
    const message = 'mdtool: candles of BTCUSDT begin 1h apart, and their interval is 1m; give --interval 1h\n';
    expect([stderr, code]).toEqual([expected === 0 ? '' : message, expected]);
  });

  it('refuses rows whose columns are swapped, each by file and line', async () => {
    const text = 'time,open,low,high,close,volume\n1717200000000,10,9,12,11,1\n1717203600000,11,10,13,12,1\n';
    await writeFile(join(directory, 'swapped.csv'), text.replace('open,low,high', 'open,high,low'));
    const { stdout, stderr, code } = await run('swapped.csv', ...hour);
    expect([stdout, code]).toEqual(['', 3]);
    expect(stderr).toMatch(/swapped\.csv:2: candle\.high: expected the highest price, was 9/);
    expect(stderr).toMatch(/swapped\.csv:3: .*2 input rows refused/s);
  });
});

/** The cells of a sample, its first row being the header where it has one. */
async function cellsIn(name: string): Promise<{ rows: string[][]; join: string }> {
  // CryptoDataDownload puts its address first.
  const text = (await readFile(join(directory, name), 'utf8')).replace(/^https:.*\n/, '');
  const separator = text.split('\n')[1]?.includes(';') ? ';' : ',';
  return {
    rows: text
      .trimEnd()
      .split('\n')
      .map((line) => line.split(separator)),
    join: separator,
  };
}

/** The time column in seconds where it was milliseconds, and so on: never the unit of the source. */
const otherUnit = (cell: string) =>
  /^\d{16}/.test(cell) ? `${cell}000` : /^\d{10}(\.|$)/.test(cell) ? '1717' : cell.slice(0, 4);

type Layout = {
  readonly fields: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly isHeader: boolean;
};

/** One thing wrong in every row of a sample; undefined where the layout has no such thing. */
const FAULTS: Readonly<Record<string, (rows: string[][], layout: Layout) => string[][] | undefined>> = {
  'times of no unit': (rows, { fields, columns, isHeader }) => {
    const at = columns.indexOf(fields.timestamp ?? '');
    return rows.map((row, line) =>
      isHeader && line === 0 ? row : row.map((cell, column) => (column === at ? otherUnit(cell) : cell)),
    );
  },
  'without its times': (rows, { fields, columns }) => {
    const at = columns.indexOf(fields.timestamp ?? '');
    return rows.map((row) => row.filter((_, column) => column !== at));
  },
  'with high and low swapped': (rows, { fields, columns, isHeader }) => {
    const [high, low] = [columns.indexOf(fields.high ?? ''), columns.indexOf(fields.low ?? '')];
    if (high < 0 || low < 0 || !isHeader) return undefined;
    const [head = [], ...body] = rows;
    return [head.map((cell, at) => (at === high ? (head[low] as string) : at === low ? (head[high] as string) : cell)), ...body];
  },
  'with time and price swapped': (rows, { fields, columns, isHeader }) => {
    const [time, price] = [columns.indexOf(fields.timestamp ?? ''), columns.indexOf(fields.price ?? fields.open ?? '')];
    if (time < 0 || price < 0) return undefined;
    const swapped = (row: string[]) =>
      row.map((cell, at) => (at === time ? (row[price] as string) : at === price ? (row[time] as string) : cell));
    return rows.map((row, line) => (isHeader && line === 0 ? row : swapped(row)));
  },
};

describe('the sample of each preset with one thing wrong', () => {
  it.each(Object.entries(FAULTS))('%s is refused: by the flag that would settle it, or row by row', async (what, change) => {
    let changed = 0;
    for (const [file, flags] of SAMPLES.filter(([name]) => name.endsWith('.csv'))) {
      const { rows, join: separator } = await cellsIn(file);
      const source = await openSource(join(directory, file), optionsOf(flags));
      if (!source.table) throw new Error(`${file} is no foreign file`);
      const { fields, columns } = source.mapping;
      const wrong = change(rows, { fields, columns, isHeader: source.table.header !== undefined });
      if (!wrong) continue;
      changed += 1;
      const folder = await mkdtemp(join(directory, 'fault-'));
      await writeFile(join(folder, file), `${wrong.map((row) => row.join(separator)).join('\n')}\n`);
      const reasons = await refusalsOf(join(folder, file), flags);
      expect([file, what, reasons.length > 0 && reasons.every((reason) => !reason.includes('\n'))]).toEqual([file, what, true]);
      const usage = reasons.find((reason) => reason.startsWith('usage: '));
      if (usage) expect([file, what, usage]).toEqual([file, what, expect.stringMatching(/--[a-z]/)]);
    }
    expect(changed).toBeGreaterThan(5);
  });
});

/** One thing wrong in each row of a JSON sample, whose rows are arrays of time, open, high, low, close, volume or objects. */
const JSON_FAULTS: Readonly<Record<string, (row: Cells) => Cells>> = {
  'times in seconds': (row) => withCells(row, { timestamp: cellIn(row, 'timestamp') / 1_000 }),
  'without its times': (row) => (Array.isArray(row) ? row.slice(1) : { ...row, timestamp: undefined, datetime: undefined }),
  'with time and price swapped': (row) => withCells(row, { timestamp: cellIn(row, 'price'), price: cellIn(row, 'timestamp') }),
};
type Cells = unknown[] | Readonly<Record<string, unknown>>;
const PLACES: Readonly<Record<string, number>> = { timestamp: 0, price: 1 };
const cellIn = (row: Cells, name: string) => Number(Array.isArray(row) ? row[PLACES[name] ?? 0] : row[name]);
const withCells = (row: Cells, cells: Readonly<Record<string, number>>): Cells =>
  Array.isArray(row)
    ? Object.entries(cells).reduce((all, [name, value]) => all.with(PLACES[name] ?? 0, value), row)
    : { ...row, ...cells };

describe('a JSON sample with one thing wrong', () => {
  it.each(Object.entries(JSON_FAULTS))('%s is refused in one line each', async (what, change) => {
    const samples = SAMPLES.filter(([name]) => !name.endsWith('.csv'));
    expect(samples).toHaveLength(3);
    for (const [file, flags] of samples) {
      const text = await readFile(join(directory, file), 'utf8');
      const isLines = file.endsWith('.ndjson');
      const rows: Cells[] = isLines
        ? text
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line))
        : JSON.parse(text);
      const wrong = rows.map(change);
      const folder = await mkdtemp(join(directory, 'json-'));
      const content = isLines ? wrong.map((row) => JSON.stringify(row)).join('\n') : JSON.stringify(wrong);
      await writeFile(join(folder, file), `${content}\n`);
      const reasons = await refusalsOf(join(folder, file), flags);
      expect([file, what, reasons.length > 0 && reasons.every((reason) => !reason.includes('\n'))]).toEqual([file, what, true]);
      const usage = reasons.find((reason) => reason.startsWith('usage: '));
      if (usage) expect([file, what, usage]).toEqual([file, what, expect.stringMatching(/--[a-z]/)]);
    }
  });
});

describe('the zone of a sample', () => {
  it('is refused as a flag where its times are UTC by themselves, and is taken where they name none', async () => {
    const taken: string[] = [];
    for (const [file, flags] of SAMPLES) {
      const given = [...flags.filter((_, at) => flags[at - (at % 2)] !== '--input-tz'), '--input-tz', '+05:00'];
      try {
        const records = await recordsOf(file, given);
        taken.push(`${file} ${new Date((records[0] as { timestamp: number }).timestamp / 1_000).toISOString()}`);
      } catch (error) {
        expect([file, (error as Error).message]).toEqual([
          file,
          expect.stringMatching(/--input-tz contradicts the file|expected the opening of a 1d candle/),
        ]);
      }
    }
    // MetaTrader's clock has another zone by its preset, and pandas names none: the flag decides.
    expect(taken).toEqual([
      'BTCUSDT_15_2020-03-01_2020-03-31.csv 2020-03-25T05:30:00.000Z',
      'pandas-index.csv 2024-05-31T19:00:00.000Z',
    ]);
  });
});

/** Why a file is refused: as a whole, or each of its rows. Fails when a row of it is taken. */
async function refusalsOf(path: string, flags: readonly string[]): Promise<string[]> {
  try {
    const source = await openSource(path, optionsOf(flags));
    if (!source.table) return [];
    const reader = new RowReader(source.mapping, source.writtenAt);
    return source.sample.flatMap((row) => {
      try {
        return reader.read(row).length > 0 ? [`taken:\n${row.cells}`] : [];
      } catch (error) {
        return [(error as Error).message];
      }
    });
  } catch (error) {
    return [`${error instanceof UsageError ? 'usage' : 'failure'}: ${(error as Error).message}`];
  }
}

const okx = [
  '--exchange',
  'okx',
  '--market',
  'spot',
  '--symbols',
  'BTC-USDT',
  '--as',
  'trade',
  '--columns',
  'price=px,timestamp=t',
];
/** Thirty trades, three of each time: a sweep that a file may be cut within. */
const ROWS = Array.from(
  { length: 30 },
  (_, n) => `${1_717_200_000_000 + Math.floor(n / 3) * 100},${100 + n},1,${n % 2 ? 'buy' : 'sell'}`,
);
const file = async (name: string, rows: readonly string[]) =>
  await writeFile(join(directory, name), `t,px,qty,side\n${rows.join('\n')}\n`);
const CONTENT =
  "select count(*), md5(string_agg(concat_ws('|', id, price, amount, side), ';' order by timestamp, sequence)) from trade";

describe('trades without an order of their own', () => {
  beforeAll(async () => {
    await file('whole.csv', ROWS);
    await file('part-1.csv', ROWS.slice(0, 13));
    await file('part-2.csv', ROWS.slice(13));
    await file('newest-first.csv', ROWS.toReversed());
    await run('whole.csv', ...okx, '-o', 'store', '--store', 'whole');
  });

  it.each([['part-1.csv part-2.csv'], ['part-2.csv part-1.csv'], ['newest-first.csv'], ['whole.csv whole.csv']])(
    '%s make the same store as the whole file',
    async (files) => {
      const store = files.replaceAll(/[ .]/g, '_');
      expect(await run(...files.split(' '), ...okx, '-o', 'store', '--store', store)).toMatchObject({ code: 0 });
      expect(await queried(store, CONTENT)).toBe(await queried('whole', CONTENT));
    },
  );

  it('refuses the second half of a sweep, and completes it when both parts come together', async () => {
    const into = [...okx, '-o', 'store', '--store', 'cut'];
    expect(await run('part-1.csv', ...into)).toMatchObject({ code: 0 });
    const second = await run('part-2.csv', ...into);
    expect(second.code).toBe(3);
    expect(second.stderr).toMatch(/part-2\.csv:[23]: .*import both parts in one command/);
    expect(await run('part-1.csv', 'part-2.csv', ...into)).toMatchObject({ code: 0 });
    expect(await queried('cut', CONTENT)).toBe(await queried('whole', CONTENT));
  });

  it('changes nothing the second time, and refuses the same day under other ids', async () => {
    const into = ['-o', 'store', '--store', 'whole'];
    const again = await run('whole.csv', ...okx, ...into);
    expect(again).toMatchObject({ code: 0, stderr: expect.stringMatching(/no records.*30 records stored before/) });
    await writeFile(join(directory, 'ids.csv'), `t,px,qty,side,id\n${ROWS.map((row, n) => `${row},x${n}`).join('\n')}\n`);
    const other = await run('ids.csv', ...okx, ...into);
    expect([other.code, other.stderr]).toEqual([
      3,
      expect.stringMatching(/ids\.csv:2: the store has trades of okx spot BTC-USDT on 2024-06-01 under other ids; 30 trades/),
    ]);
    expect(await queried('whole', 'select count(*) from trade')).toBe('30');
  });

  it('refuses another trade with a known id, in the input and in the store', async () => {
    await writeFile(
      join(directory, 'twice.csv'),
      't,px,qty,side,id\n1717200009000,1,1,buy,a\n1717200009001,2,1,buy,a\n1717200009002,3,1,buy,b\n',
    );
    const into = [...okx.with(5, 'ETH-USDT'), '-o', 'store', '--store', 'twice'];
    const first = await run('twice.csv', ...into);
    expect([first.code, first.stderr]).toEqual([3, expect.stringMatching(/twice\.csv:3: trade id "a".*\(twice\.csv:2\)/)]);
    await writeFile(join(directory, 'twice.csv'), 't,px,qty,side,id\n1717200009000,9,1,buy,a\n');
    expect((await run('twice.csv', ...into)).stderr).toMatch(/twice\.csv:2: trade id "a".*\(the store\)/);
    expect(await queried('twice', 'select id, price from trade order by id')).toBe('a,1\nb,3');
  });
});

describe('liquidations without arrival', () => {
  const flags = ['--exchange', 'okx', '--market', 'linear', '--symbols', 'BTCUSDT', '--as', 'liquidation'];
  /** Eight rows; the fourth to the sixth are three equal liquidations. */
  const rows = Array.from({ length: 8 }, (_, n) => {
    const at = n >= 3 && n <= 5 ? 3 : n;
    return `${1_717_200_000_000 + at * 1_000},${67_000 + at},0.5,sell`;
  });
  const into = async (store: string, ...parts: (readonly [from: number, until: number])[]) => {
    const names = parts.map(([from, until]) => `liquidations-${from}-${until}.csv`);
    for (const [index, [from, until]] of parts.entries()) await file(names[index] as string, rows.slice(from, until));
    return await run(...names, ...flags, '--columns', 'timestamp=t,price=px', '-o', 'store', '--store', store);
  };
  const content = (store: string) =>
    queried(
      store,
      "select count(*), sum(amount), md5(string_agg(concat(timestamp, price, sequence), ';' order by timestamp, sequence nulls first)) from liquidation",
    );

  it('are kept although rows repeat each other, whatever parts they come in', async () => {
    expect(await into('lq', [0, 8])).toMatchObject({ code: 0 });
    const whole = await content('lq');
    expect(whole).toMatch(/^8,4,/);
    expect(await into('lq', [0, 8])).toMatchObject({ code: 0, stderr: expect.stringMatching(/8 records stored before/) });
    expect(await content('lq')).toBe(whole);
    // In one command a cut between equal rows is no loss, in either order.
    for (const [store, parts] of Object.entries({
      lq1: [
        [0, 4],
        [4, 8],
      ],
      lq2: [
        [5, 8],
        [0, 5],
      ],
    } as const)) {
      expect(await into(store, ...parts)).toMatchObject({ code: 0 });
      expect(await content(store)).toBe(whole);
    }
    // A first try that ended early, and the whole file after it.
    expect(await into('lq3', [0, 4])).toMatchObject({ code: 0 });
    expect(await into('lq3', [0, 8])).toMatchObject({ code: 0 });
    expect(await content('lq3')).toBe(whole);
  });

  it('count once with those captured, whichever came first, or in one command', async () => {
    const at = (n: number) => `"timestamp":${(1_717_200_000_000 + n * 1_000) * 1_000},"price":${67_000 + n},"amount":0.5`;
    // Two of the three equal ones, the one after them, and one that the file lacks.
    const captured = [3, 3, 6, 9].map(
      (n, index) =>
        `{"type":"liquidation","exchange":"okx","market":"linear","symbol":"BTCUSDT","local_timestamp":${1_717_200_020_000_000 + index},"side":"sell",${at(n)}}\n`,
    );
    await writeFile(join(directory, 'captured.ndjson'), captured.join(''));
    const intoStore = async (store: string) => await run('captured.ndjson', '-o', 'store', '--store', store);
    for (const [store, imports] of Object.entries({
      lq6: [() => into('lq6', [0, 8]), () => intoStore('lq6')],
      lq7: [() => intoStore('lq7'), () => into('lq7', [0, 8])],
      lq8: [
        () =>
          run(
            'captured.ndjson',
            'liquidations-0-8.csv',
            ...flags,
            '--columns',
            'timestamp=t,price=px',
            '-o',
            'store',
            '--store',
            'lq8',
          ),
      ],
    }))
      for (const _ of [1, 2]) {
        for (const one of imports) expect(await one()).toMatchObject({ code: 0 });
        expect(await queried(store, 'select count(*), sum(amount) from liquidation')).toBe('9,4.5');
      }
  });

  it('refuses a part that begins or ends with a row which is the edge of the stored part', async () => {
    for (const [store, first, second] of [
      ['lq4', [0, 4], [4, 8]],
      ['lq5', [4, 8], [0, 4]],
    ] as const) {
      expect(await into(store, first)).toMatchObject({ code: 0 });
      const cut = await into(store, second);
      expect([cut.code, cut.stderr]).toEqual([
        3,
        expect.stringMatching(/csv:\d: .*equal liquidation.*import both parts in one command/),
      ]);
      expect(await into(store, [0, 4], [4, 8])).toMatchObject({ code: 0 });
      expect(await content(store)).toMatch(/^8,4,/);
    }
  });
});

describe('an imported store', () => {
  it('is whole for verify, before and after compact, and read by steps of any exchange name', async () => {
    const store = join(directory, 'okx-store');
    const step = (...args: string[]) => mdtoolHere([...args, '--store', store], { cwd: directory });
    const layout = ['--exchange', 'okx', '--market', 'linear', '--symbols', 'BTCUSDT', '--as', 'trade'];
    const columns = ['--columns', 'timestamp=time,price=px,amount=qty,side=taker,id=tid'];
    for (const part of [0, 1]) {
      const rows = Array.from({ length: 50 }, (_, index) => part * 50 + index);
      const lines = rows.map(
        (i) => `${1_717_200_000_000 + i * 1_000},${60_000 + (i % 7)},1,${i % 2 ? 'buy' : 'sell'},${i + 1}\n`,
      );
      await writeFile(join(directory, `okx-${part}.csv`), `time,px,qty,taker,tid\n${lines.join('')}`);
      expect(await step('import', `okx-${part}.csv`, ...layout, ...columns, '-o', 'store')).toMatchObject({ code: 0 });
    }
    const verified = ['verify', '--format', 'csv', '--columns', 'channel,records,duplicates,verdict'];
    const whole = 'channel,records,duplicates,verdict\ntrade,100,0,whole\n';
    expect(await step(...verified)).toMatchObject({ code: 0, stdout: whole });
    expect(await step('compact')).toMatchObject({ code: 0, stderr: expect.stringContaining('2 → 1 file') });
    expect(await step(...verified)).toMatchObject({ code: 0, stdout: whole });
    const candles = await step('candles', '--interval', '1m', '-o', '-', '--format', 'csv', '--columns', 'trades');
    expect(candles.stdout).toBe('trades\n60\n40\n');
  });
});

describe('trades without side', () => {
  it('make candles without buy_volume, seconds without delta, and a count in the summary', async () => {
    const imported = await run('XBTUSD.csv', '-o', 'sideless.parquet', '-o', 'sideless.ndjson');
    expect(imported.stderr).toMatch(/2 trades without side/);
    for (const name of ['sideless.parquet', 'sideless.ndjson']) {
      const candles = await mdtoolHere(['candles', name, '--interval', '1m', '--format', 'csv'], { cwd: directory });
      const [header = '', values = ''] = candles.stdout.split('\n').map((line) => line.split(','));
      const row = Object.fromEntries((header as string[]).map((column, at) => [column, values[at]]));
      expect(row).toMatchObject({ volume: '0.75', trades: '2', buy_volume: '' });
    }
    const { stdout, stderr } = await mdtoolHere(['features', 'sideless.ndjson'], { cwd: directory });
    const [micro] = stdout.split('\n').map((line) => line && JSON.parse(line));
    expect(Object.keys(micro)).not.toContain('delta');
    expect(micro).toMatchObject({ type: 'micro', close: 67_540, trades: 1 });
    expect(stderr).toMatch(/delta_z \(trades without side\)/);
  });

  it('are never taken of a file with a column that may be the side', async () => {
    await writeFile(join(directory, 'who.csv'), 't,px,qty,who\n1717200000000,100,1,buy\n1717200000001,100,1,sell\n');
    const given = ['who.csv', '--exchange', 'okx', '--market', 'spot', '--symbols', 'BTC-USDT'];
    const columns = 'timestamp=t,price=px,amount=qty';
    const refused = await run(...given, '--columns', columns);
    expect(refused).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/column who may be the side.*side=none/),
    });
    expect((await run(...given, '--as', 'trade', '--columns', `${columns},side=who`)).stdout).toMatch(
      /"side":"buy".*"side":"sell"/s,
    );
    expect((await run(...given, '--columns', `${columns},side=none`)).stdout).not.toMatch(/side/);
  });
});

describe('import', () => {
  it('shows with --dry-run how a file would be read, and writes nothing', async () => {
    const { stdout, code } = await run('BTCUSDT-1m-2024-06-01.csv', ...linear, '--dry-run', '-o', 'store', '--store', 'dry');
    expect(code).toBe(0);
    for (const part of [
      'binance-klines',
      'timestamp=open_time',
      'open_time=ms',
      '1717200000000',
      'rows in the file',
      'candle records',
      'times from 2024-06-01T00:00:00.000Z to 2024-06-01T00:01:00.000Z',
    ])
      expect(stdout).toContain(part);
    expect(existsSync(join(directory, 'dry'))).toBe(false);
  });

  it('takes records of any type that a step wrote, and merges another store', async () => {
    await run('BTCUSDT2025-12-01.csv', '-o', 'store', '-o', 'own.ndjson', '--store', 'one');
    await run('XBTUSD_60.csv', '-o', 'store', '--store', 'one');
    expect(await run('own.ndjson', '-o', 'store', '--store', 'two')).toMatchObject({ code: 0 });
    expect(await run('--from', 'one', '-o', 'store', '--store', 'two')).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/2 candles stored in two .*5 records stored before/),
    });
    expect(await queried('two', 'select count(*) from trade union all select count(*) from candle')).toBe('5\n2');
    expect(await run('--from', 'nowhere', '-o', 'store', '--store', 'two')).toMatchObject({ code: 2 });
    expect(await run('--from', 'two', '-o', 'store', '--store', 'two')).toMatchObject({ code: 2 });
  });

  it.each([
    [['nothing.csv'], 1, /no such file/],
    [[], 2, /expected files, or --from DIR/],
    [['whole.csv', '--preset', 'binance-kline'], 2, /did you mean binance-klines/],
    [['whole.csv', '--columns', 'price=nope'], 2, /--columns price=nope: no such column/],
    [['whole.csv', '--input-tz', 'Mars', ...okx], 2, /--input-tz: expected UTC/],
    [['whole.csv', '--side-map', 'a=long'], 2, /expected buy or sell for a/],
    [['whole.csv', '--exchange', 'OK X'], 2, /lower-case letters/],
  ])('%j ends with %i', async (args, code, message) => {
    const result = await run(...args);
    expect([result.stdout, result.code]).toEqual(['', code]);
    expect(result.stderr).toMatch(message);
  });

  it('refuses hostile files in a line, with nothing written', async () => {
    const names = Array.from({ length: 10_000 }, (_, n) => `c${n}`).join(',');
    const files: [string, string | Buffer, RegExp][] = [
      ['wide.csv', `${names}\n${names}\n`, /at most 1000 columns, found 10000/],
      ['nul.csv', 't,px,qty,side\n1717200000000,1,1,b\u0000uy\n', /NUL/],
      ['latin.csv', Buffer.from('t,px,qty,side\n1717200000000,1,1,b\xfcy\n', 'latin1'), /not UTF-8/],
      ['cut-off.csv', 't,px,qty,side,n\n1717200000000,1,1,buy,1\n1717200000001,910', /expected 5 cells/],
      ['quote.csv', 't,px,qty,side\n1717200000000,1,1,"buy\n', /quotes are not balanced/],
    ];
    for (const [name, content, message] of files) {
      await writeFile(join(directory, name), content);
      const { stderr, code } = await run(name, ...okx, '-o', 'hostile.ndjson');
      expect([name, code !== 0, stderr]).toEqual([name, true, expect.stringMatching(message)]);
      await rm(join(directory, 'hostile.ndjson'), { force: true });
    }
  });

  it('rejects the last number of a file that ends within a line', async () => {
    await writeFile(
      join(directory, 'open-end.csv'),
      'time,open,high,low,close,volume\n1717200000000,1,2,1,2,10\n1717203600000,1,2,1,2,1',
    );
    const { stdout, stderr, code } = await run('open-end.csv', ...hour);
    expect([stdout.trim().split('\n').length, code]).toEqual([1, 3]);
    expect(stderr).toMatch(/open-end\.csv:3: the file ends within volume/);
  });
});
