import { cpSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyRecord, Gap, Trade } from '../../src/lib/model/records.js';
import { DAY, HOUR, MINUTE } from '../../src/lib/model/time.js';
import { readStore } from '../../src/lib/storage/reading/store-reader.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { type ExchangeServer, startExchangeServer } from '../support/exchange-server/index.js';
import { mdtool, ROOT } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const directory = mkdtempSync(join(tmpdir(), 'verify-'));
const path = (name: string) => join(directory, name);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

type Row = { readonly [name: string]: string | number };

const rowsOf = (stdout: string) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);

/** The verdicts in order. A stretch over midnight has a row per day: equal neighbours are one, whatever the time of day. */
const verdictsOf = (stdout: string) =>
  rowsOf(stdout)
    .map(({ verdict }) => verdict)
    .filter((verdict, index, all) => verdict !== all[index - 1]);
const verify = (store: string, ...args: string[]) => mdtoolHere(['verify', '--store', path(store), ...args]);

async function storeOf(tape: string): Promise<void> {
  const channels = ['--channels', 'trade,ticker,book,book_delta,candle', '--quiet'];
  const { code } = await mdtoolHere([
    'stream',
    '--replay',
    `fixtures/${tape}.tape.ndjson.gz`,
    ...channels,
    '-o',
    'store',
    '--store',
    path(tape),
  ]);
  expect(code).toBe(0);
}

const filesOf = (store: string, part: string) =>
  (readdirSync(path(store), { recursive: true }) as string[])
    .filter((name) => name.startsWith(part) && name.endsWith('.parquet'))
    .map((name) => join(path(store), name));

describe('verify over the stores of both tapes', () => {
  beforeAll(async () => {
    await storeOf('bybit-v5');
    await storeOf('bitget-v2');
    cpSync(path('bybit-v5'), path('damaged'), { recursive: true });
  });

  it.each([
    ['bybit-v5', 21, 90],
    ['bitget-v2', 33, 33],
  ])('%s is whole: a row per series and day, every record counted', async (store, rows, trades) => {
    const { code, stdout, stderr } = await mdtool(['verify', '--store', path(store)]);
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(new RegExp(`^verify: ${rows} coverage rows in .*\\(${rows} whole\\)`)),
    ]);
    const coverage = rowsOf(stdout);
    expect(new Set(coverage.map(({ type, verdict }) => `${type} ${verdict}`))).toEqual(new Set(['coverage whole']));
    const ofTrades = coverage.filter(({ channel }) => channel === 'trade');
    expect(ofTrades.reduce((sum, { records }) => sum + Number(records), 0)).toBe(trades);
  });

  it('is shown as a table, as CSV, as one document, or written to a file; the store is never written', async () => {
    const table = await verify('bybit-v5', '--format', 'table', '--channels', 'trade', '--market', 'spot');
    expect(table.stdout).toMatch(
      /^verdict +series +channel +from +until +records\n✓ whole +bybit:spot:BTCUSDT +trade +2026-08-09 21:27:02 +21:27:41 +11\n$/,
    );
    const csv = await verify('bybit-v5', '--format', 'csv', '--channels', 'trade', '--symbols', 'ETH/USDT:USDT');
    expect(csv.stdout.split('\n')).toEqual([
      expect.stringMatching(/^exchange,market,symbol,/),
      expect.stringMatching(/,trade,.*,23,0,0,0,,,whole,/),
      '',
    ]);
    const document = JSON.parse((await verify('bybit-v5', '--json')).stdout);
    expect(document).toMatchObject({ command: 'verify', exit_code: 0, whole: 21, hole: 0, records: { coverage: 21 } });
    expect(document.data).toHaveLength(21);
    expect((await verify('bybit-v5', '-o', path('coverage.parquet'))).code).toBe(0);
    const before = readdirSync(path('bybit-v5'), { recursive: true });
    const { code, stderr } = await verify('bybit-v5', '-o', 'store');
    expect([code, stderr]).toEqual([2, expect.stringContaining('verify only reads the store')]);
    expect(readdirSync(path('bybit-v5'), { recursive: true })).toEqual(before);
  });

  it('names what is damaged, and ends with 3; what is suspicious with --strict only', async () => {
    const [books] = filesOf('damaged', 'book_delta/exchange=bybit/market=spot') as [string];
    cpSync(books, books.replace(/[0-9a-f]{6}\.parquet$/, 'ffffff.parquet'));
    expect((await verify('damaged')).code).toBe(0);
    const strict = await verify('damaged', '--strict');
    expect([strict.code, strict.stderr]).toEqual([3, expect.stringContaining('verify found 1 suspicious row')]);
    const [trades] = filesOf('damaged', 'trade/exchange=bybit/market=linear') as [string];
    const [tickers] = filesOf('damaged', 'ticker/exchange=bybit/market=spot') as [string];
    truncateSync(trades, 1000);
    rmSync(tickers);
    cpSync(books, join(dirname(books), 'copy.parquet'));
    const { code, stdout, stderr } = await verify('damaged');
    expect(code).toBe(3);
    for (const file of [`${trades} cannot be read`, `${tickers} is gone`, 'copy.parquet is a copy of 299 stored records'])
      expect(stderr).toContain(file);
    expect(stderr).toContain('verify found 3 holes, 1 mismatch');
    const found = rowsOf(stdout).filter(({ verdict }) => verdict === 'hole' || verdict === 'mismatch');
    expect(found.map(({ market, symbol, channel, verdict }) => `${market} ${symbol} ${channel} ${verdict}`)).toEqual([
      'spot BTCUSDT book_delta mismatch',
      'spot BTCUSDT ticker hole',
      'linear BTCUSDT trade hole',
      'linear ETHUSDT trade hole',
    ]);
    for (const step of [['candles', '--interval', '1m'], ['features'], ['query', 'select * from trade']]) {
      const failed = await mdtoolHere([...step, '--store', path('damaged')]);
      expect([failed.code, failed.stderr]).toEqual([1, expect.stringMatching(/^mdtool: \S*\.parquet (cannot be read|is gone)/m)]);
      expect(failed.stderr).not.toContain('internal error');
    }
    const table = await verify('damaged', '--format', 'table', '--channels', 'ticker');
    expect(table.stdout).toMatch(/✗ hole +bybit:spot:BTCUSDT +ticker .*\n {4}.*\n? .*is gone: 41 ticker records/);
  });

  it('does not call a symbol whole of which nothing is stored', async () => {
    const { stderr, code } = await verify('bybit-v5', '--symbols', 'BTC/USDT:USDT,NOSUCH', '--channels', 'trade');
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^mdtool: unknown symbol NOSUCH: the store .* has no records of it/),
    ]);
    expect((await verify('bybit-v5', '--symbols', 'BTCUSDT,ethusdt', '--channels', 'trade')).code).toBe(0);
  });

  it('says that nothing could be compared where no closed candle lies within the trades', async () => {
    const { code, stderr } = await verify('bybit-v5', '--against', 'exchange', '--channels', 'trade');
    expect([code, stderr]).toEqual([0, expect.stringContaining('no candle was compared')]);
  });
});

describe('verify refuses', () => {
  it.each([
    [
      'a directory of something else',
      () => writeFileSync(path('file.txt'), ''),
      ['--store', directory],
      /is not an mdtool store/,
    ],
    ['a directory that is not there', () => {}, ['--store', path('nowhere')], /no store in .*nowhere/],
    ['an unknown channel', () => {}, ['--channels', 'trades'], /expected some of .*was "trades"; did you mean trade/],
    ['candles without trades', () => {}, ['--against', 'exchange', '--channels', 'book'], /add trade to --channels/],
    ['a time that ends before it begins', () => {}, ['--since', '1d', '--until', '2d'], /--since must be before --until/],
  ])('%s', async (_, prepare, args, message) => {
    prepare();
    const { code, stderr } = await mdtoolHere(['verify', ...args], { cwd: ROOT });
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('verify and the exchange', () => {
  const now = Math.floor((Date.now() * 1_000) / MINUTE) * MINUTE;
  /** The six hours before it are of one day, whenever the test runs. */
  const minute = now % DAY > 7 * HOUR ? now : now - (now % DAY) - MINUTE;
  const hours = 8 + Math.ceil((now - minute) / HOUR);
  const hole = [minute - 3 * HOUR, minute - 3 * HOUR + 10 * MINUTE] as const;
  let server: ExchangeServer;
  let history: Trade[];

  beforeAll(async () => {
    server = await startExchangeServer('bitget', {
      symbols: { linear: 1 },
      strangers: false,
      history: { trades: hours * 1_000, duration: (hours * HOUR) / 1_000 },
    });
    const span = ['--since', String(minute - 6 * HOUR), '--until', String(minute - HOUR)];
    const args = [
      'backfill',
      '--exchange',
      'bitget',
      '--market',
      'linear',
      '--symbols',
      'BTCUSDT',
      ...span,
      '--store',
      path('history'),
    ];
    expect((await mdtoolHere(args, { env: server.environment })).code).toBe(0);
    history = [];
    for await (const batch of readStore(path('history'), { types: ['trade'] })) history.push(...(batch as Trade[]));
    expect(history.length).toBeGreaterThan(3000);
  });
  afterAll(() => server.close());

  async function write(store: string, records: readonly AnyRecord[]): Promise<void> {
    const writer = await openStoreWriter(path(store), { step: 'test' });
    await writer.write(records);
    await writer.close();
  }

  function lossy(): AnyRecord[] {
    const { exchange, market, symbol } = history[0] as Trade;
    const before = history.filter(({ timestamp }) => timestamp < hole[0]).at(-1) as Trade;
    const after = history.find(({ timestamp }) => timestamp >= hole[1]) as Trade;
    const [fromTimestamp, untilTimestamp] = [before.timestamp, after.timestamp];
    const identity = { exchange, market, symbol, timestamp: untilTimestamp, localTimestamp: untilTimestamp + 1 };
    const gap: Gap = {
      type: 'gap',
      ...identity,
      channel: 'trade',
      fromTimestamp,
      untilTimestamp,
      reason: 'disconnect',
      repaired: 0,
      missing: true,
    };
    return [...history.filter(({ timestamp }) => timestamp <= fromTimestamp || timestamp >= untilTimestamp), gap];
  }

  it('piped to backfill fills exactly the hole, and then finds the store whole', async () => {
    await write('lossy', lossy());
    const found = await verify('lossy', '--format', 'ndjson');
    expect(found.code).toBe(3);
    const holes = rowsOf(found.stdout).filter(({ verdict }) => verdict === 'hole');
    expect(holes).toHaveLength(1);
    expect(Number(holes[0]?.from_timestamp)).toBeLessThan(hole[0]);
    const filled = await mdtoolHere(['backfill', '-', '--store', path('lossy')], {
      input: found.stdout,
      env: server.environment,
    });
    expect([filled.code, filled.stderr]).toEqual([0, expect.stringMatching(/trade/)]);
    const again = await verify('lossy');
    expect([again.code, verdictsOf(again.stdout)]).toEqual([0, ['whole']]);
    const trades: AnyRecord[] = [];
    for await (const batch of readStore(path('lossy'), { types: ['trade'] })) trades.push(...batch);
    expect(trades).toEqual(history);
  });

  it('--against exchange compares every minute, and finds a price that nobody paid and a trade that is not there', async () => {
    const args = ['verify', '--against', 'exchange', '--store'];
    const same = await mdtoolHere([...args, path('history')], { env: server.environment });
    expect([same.code, same.stderr]).toEqual([0, expect.stringMatching(/29\d candles compared/)]);
    for (const row of rowsOf(same.stdout)) expect(row).toMatchObject({ mismatches: 0, verdict: 'whole' });
    const at = history.findIndex(({ timestamp }) => timestamp >= hole[0]);
    const edited = history.map((trade, index) => (index === at ? { ...trade, price: trade.price * 1.5 } : trade));
    await write(
      'edited',
      edited.filter((_, index) => index !== at + 500),
    );
    const { code, stdout } = await mdtoolHere([...args, path('edited')], { env: server.environment });
    expect(code).toBe(3);
    const row = rowsOf(stdout).find(({ verdict }) => verdict !== 'whole');
    expect(row).toMatchObject({ verdict: 'mismatch' });
    expect(String(row?.detail)).toMatch(/high .* from trades, .* at the exchange/);
    expect(String(row?.detail)).toMatch(/\(trades are missing\)/);
    // The hole of a store is no mismatch.
    await write('holed', lossy());
    const holed = await mdtoolHere([...args, path('holed')], { env: server.environment });
    expect(verdictsOf(holed.stdout)).toEqual(['whole', 'hole', 'whole']);
  });

  it('--against exchange goes on without an exchange that cannot be reached, and ends with 5', async () => {
    const env = { MDTOOL_BITGET_REST_URL: 'http://127.0.0.1:9' };
    const { code, stdout } = await mdtoolHere(['verify', '--against', 'exchange', '--store', path('history')], { env });
    expect([code, verdictsOf(stdout)]).toEqual([5, ['whole']]);
  });
});
