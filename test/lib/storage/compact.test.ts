import { existsSync, readdirSync, readFileSync, renameSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { copyFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AnyRecord, Trade } from '../../../src/lib/model/records.js';
import { storePaths } from '../../../src/lib/storage/files/store-directory.js';
import { retiredPath } from '../../../src/lib/storage/files/stored-file.js';
import { openStoreContext } from '../../../src/lib/storage/log/store-context.js';
import { queryStore } from '../../../src/lib/storage/reading/query.js';
import { openSnapshot } from '../../../src/lib/storage/reading/store-snapshot.js';
import { openStoreWriter } from '../../../src/lib/storage/store-writer.js';
import { bookRecord, tickerRecord } from '../../support/records.js';
import { startWriter } from './child-writer.js';
import { compact, DAY, globOf, plainRows, treeOf } from './compact-support.js';
import { readAll, rowsOf, START, sleep, storeTemplate, temporaryDirectory, trades, writeRun } from './support.js';

/** Long before all that is written: no hour is over, and writers merge nothing themselves. */
const unmerged = { now: () => 0 };

/** A fetched copy of a trade: it loses against the captured one. */
function fetched({ localTimestamp: _, ...trade }: Trade): Trade {
  return trade;
}

const DAYS = (() => {
  const first = trades(0, 600);
  const second = trades(600, 900).map((trade) => ({ ...trade, timestamp: trade.timestamp + DAY }));
  const tickers = [0, 1, 2, 3].map((n) => ({ ...tickerRecord, timestamp: START + n, localTimestamp: START + n }));
  return { first, second, tickers };
})();

/** Two days of trades and tickers in several files each, some of them copies. */
const twoDays = storeTemplate(async (directory) => {
  const { first, second, tickers } = DAYS;
  await writeRun(directory, first.slice(0, 300).map(fetched), unmerged);
  await writeRun(directory, [...first.slice(200, 600), ...tickers.slice(2)], unmerged);
  await writeRun(directory, [...first.slice(0, 250), ...second.slice(0, 100), ...tickers], unmerged);
  await writeRun(directory, second.slice(100), unmerged);
});

function parquetFilesIn(directory: string): string[] {
  return (readdirSync(directory, { recursive: true }) as string[]).filter((name) => name.endsWith('.parquet')).sort();
}

describe('compact', () => {
  it('makes every day that is over one sorted file without duplicates, which any engine reads by a glob', async () => {
    const directory = await twoDays();
    const before = await readAll(directory);
    const { done, failures, warnings } = await compact(directory);
    expect([failures, warnings]).toEqual([[], []]);
    expect(await readAll(directory)).toEqual(before);
    expect(before).toHaveLength(DAYS.first.length + DAYS.second.length + DAYS.tickers.length);
    expect(
      done.map(({ partition: { type, date }, before, after, duplicates }) => [type, date, before.files, after, duplicates]),
    ).toEqual([
      ['ticker', '2026-11-20', 2, { files: 1, records: 4, bytes: expect.any(Number) }, 0],
      ['trade', '2026-11-20', 3, { files: 1, records: 600, bytes: expect.any(Number) }, 300],
      ['trade', '2026-11-21', 2, { files: 1, records: 300, bytes: expect.any(Number) }, 0],
    ]);
    expect(parquetFilesIn(join(directory, 'trade'))).toHaveLength(2);
    const glob = globOf(directory, 'trade');
    const sums =
      'SELECT market, date::VARCHAR AS date, count(*) AS n, count(DISTINCT id) AS ids, sum(price * amount) AS turnover';
    const stored = await rowsOf(
      directory,
      `${sums.replace('date::VARCHAR', "strftime(timestamp, '%Y-%m-%d')")} FROM trade GROUP BY ALL ORDER BY ALL`,
    );
    const plain = await plainRows(`${sums} FROM ${glob} GROUP BY ALL ORDER BY ALL`);
    expect(plain.map((row) => Object.values(row).map((value) => (typeof value === 'bigint' ? Number(value) : value)))).toEqual(
      stored,
    );
    const [unordered] = await plainRows(
      `SELECT count(*) AS n FROM (SELECT *, lag((symbol, timestamp, sequence)) OVER (PARTITION BY filename ORDER BY file_row_number) AS last
       FROM ${glob.replace('hive_partitioning', 'filename = true, file_row_number = true, hive_partitioning')}) WHERE last > (symbol, timestamp, sequence)`,
    );
    expect(unordered?.n).toBe(0n);
  });

  it('changes nothing to the byte when it runs again, nor when nothing is due', async () => {
    const directory = await twoDays();
    await compact(directory);
    const tree = treeOf(directory);
    const log = readdirSync(join(directory, 'state/log'));
    expect((await compact(directory)).done).toEqual([]);
    expect(treeOf(directory)).toEqual(tree);
    expect(readdirSync(join(directory, 'state/log'))).toEqual(log);
  });

  it('rehearses: the same figures to the byte, and a store that stays as it is', async () => {
    const directory = await twoDays();
    const tree = treeOf(directory);
    const retention = { types: new Map([['ticker', DAY] as const]) };
    const { done } = await compact(directory, { dryRun: true, retention });
    expect(treeOf(directory)).toEqual(tree);
    expect(done.map(({ action }) => action)).toEqual(['remove', 'merge', 'merge']);
    expect((await compact(directory, { retention })).done).toEqual(done);
  });

  it('merges finished hours of today and leaves the hour that is not over', async () => {
    const directory = await temporaryDirectory();
    const hour = 3_600_000_000;
    for (const [from, until] of [
      [0, 100],
      [100, 200],
    ] as const) {
      await writeRun(directory, trades(from, until), unmerged);
      await writeRun(
        directory,
        trades(from + 1000, until + 1000).map((trade) => ({ ...trade, timestamp: trade.timestamp + hour })),
        unmerged,
      );
    }
    const { done } = await compact(directory, { now: START + 1.5 * hour });
    expect(done).toMatchObject([{ before: { files: 4, records: 400 }, after: { files: 3, records: 400 } }]);
    expect((await compact(directory, { now: START + 1.5 * hour })).done).toEqual([]);
    expect((await compact(directory, { now: START + 2.5 * hour })).done).toMatchObject([{ after: { files: 2 } }]);
    expect((await compact(directory)).done).toMatchObject([{ after: { files: 1, records: 400 } }]);
  });

  it('takes whole partitions by exchange, market and day', async () => {
    const directory = await twoDays();
    const selection = { since: START + DAY, until: START + DAY + 1 };
    expect((await compact(directory, { selection })).done.map(({ partition }) => partition.date)).toEqual(['2026-11-21']);
    expect((await compact(directory, { selection: { exchanges: ['bitget'] } })).done).toEqual([]);
    expect((await compact(directory, { selection: { markets: ['linear'] } })).done).toHaveLength(2);
  });

  it('drops copies that slipped in unseen, choosing as readers choose', async () => {
    const directory = await temporaryDirectory();
    await writeRun(directory, trades(0, 50), unmerged);
    await writeRun(directory, trades(50, 60), unmerged);
    const { log, paths } = openStoreContext(storePaths(directory));
    const [file] = [...(await log.read()).files.values()];
    const path = `${dirname(file?.path ?? '')}/copy-0.parquet`;
    await copyFile(join(paths.root, file?.path ?? ''), join(paths.root, path));
    await log.commit(() => ({ at: 0, add: [{ ...(file as NonNullable<typeof file>), path, segments: ['copy-0'] }] }));
    expect(await rowsOf(directory, 'SELECT count(*) FROM trade')).toEqual([[110]]);
    expect((await compact(directory)).done).toMatchObject([{ duplicates: 50, after: { records: 60 } }]);
    expect(await readAll(directory)).toEqual(trades(0, 60));
  });

  it('keeps records whose columns are nested, missing or large as they are', async () => {
    const directory = await temporaryDirectory();
    const books = Array.from({ length: 50 }, (_, n) => ({
      ...bookRecord,
      timestamp: START + n,
      localTimestamp: START + n,
      sequence: n % 2 ? String(2n ** 62n + BigInt(n)) : undefined,
      asks: n % 3 ? [[65_114.3 + n, 1e-9] as const] : [],
    }));
    await writeRun(directory, books.slice(0, 30), unmerged);
    await writeRun(directory, books.slice(30), unmerged);
    const before = await readAll(directory);
    expect((await compact(directory)).done).toMatchObject([{ after: { files: 1, records: 50 } }]);
    expect(await readAll(directory)).toEqual(before);
  });

  it('leaves a damaged day as it is, naming the file, and does the others', async () => {
    const directory = await twoDays();
    const damaged = parquetFilesIn(directory).find((name) => name.includes('trade') && name.includes('2026-11-21')) as string;
    truncateSync(join(directory, damaged), 200);
    const { done, failures } = await compact(directory);
    expect(done).toHaveLength(2);
    expect(failures).toEqual([expect.stringContaining(join(directory, damaged))]);
    expect(existsSync(join(directory, damaged))).toBe(true);
    expect(parquetFilesIn(directory).filter((name) => name.includes('2026-11-21'))).toHaveLength(2);
  });

  it('replaces nothing when a file does not hold what the log says', async () => {
    const directory = await temporaryDirectory();
    await writeRun(directory, trades(0, 50), unmerged);
    await writeRun(directory, trades(50, 100), unmerged);
    const [first, second] = parquetFilesIn(directory).map((name) => join(directory, name)) as [string, string];
    const all = await readdir(dirname(first));
    const log = join(directory, 'state/log');
    const change = readdirSync(log).find((name) => readFileSync(join(log, name), 'utf8').includes('"rows":50')) as string;
    writeFileSync(join(log, change), readFileSync(join(log, change), 'utf8').replace('"rows":50', '"rows":51'));
    const { done, failures } = await compact(directory);
    expect(done).toEqual([]);
    expect(failures).toEqual([expect.stringMatching(/expected 101 records in 2 files of .*, found 100; nothing was replaced/)]);
    expect([existsSync(second), (await readdir(dirname(first))).length]).toEqual([true, all.length]);
  });
});

describe('compact beside others', () => {
  it('leaves open segments alone and seals those whose writer is gone', async () => {
    const directory = await temporaryDirectory();
    const living = await openStoreWriter(directory, { step: 'living' });
    await living.write(trades(0, 10));
    const killed = startWriter(directory, { first: 1_000_000, records: 40, pauseMs: 60_000 });
    await killed.ready;
    while (killed.printed.length < 20) await sleep(20);
    killed.process.kill('SIGKILL');
    await killed.ended;
    expect(await compact(directory, { dryRun: true })).toMatchObject({ orphans: 1, recovered: 0 });
    expect(await compact(directory)).toMatchObject({ orphans: 1, recovered: 20, failures: [] });
    const journals = await readdir(join(directory, 'journal'));
    expect(journals).toEqual([expect.stringContaining(living.id)]);
    await living.write(trades(10, 20));
    await living.close();
    expect(await rowsOf(directory, 'SELECT count(*) FROM trade')).toEqual([[40]]);
  });

  it('does not disturb who began to read before: their files are aside, hidden from globs', async () => {
    const directory = await twoDays();
    const snapshot = await openSnapshot(directory, { types: ['trade'] });
    const count = () => snapshot.database.number(`SELECT count(*) FROM ${snapshot.relation('trade')}`);
    const running = queryStore(directory, 'SELECT count(*) FROM trade AS a, range(2000) AS b');
    const before = await count();
    await compact(directory);
    expect(await count()).toBe(before);
    const result = await running;
    for await (const rows of result.rows()) expect(rows).toEqual([[900 * 2000]]);
    await result.close();
    await snapshot.close();
    const hidden = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.replaced'));
    expect(hidden.length).toBe(7);
    expect(hidden.every((name) => /[\\/]\.[^\\/]+$/.test(name))).toBe(true);
  });

  it('puts the file of a merge that was killed aside, and leaves alone what the log never knew', async () => {
    const directory = await twoDays();
    const [file] = parquetFilesIn(join(directory, 'trade')) as [string];
    const folder = join(directory, 'trade', dirname(file));
    await copyFile(join(directory, 'trade', file), join(folder, 'merged-0123456789ab.parquet'));
    const other = await temporaryDirectory();
    await writeRun(other, trades(5000, 5010));
    await copyFile(join(other, parquetFilesIn(other)[0] as string), join(folder, 'merged-ba9876543210.parquet'));
    for (const name of readdirSync(folder)) utimesSync(join(folder, name), 0, 0);
    const { unknown } = await compact(directory);
    expect(unknown).toEqual([expect.stringContaining('merged-ba9876543210.parquet')]);
    expect(existsSync(join(folder, 'merged-0123456789ab.parquet'))).toBe(false);
    // Nor does a writer, which sweeps when it opens, delete what may be the only copy.
    await writeRun(directory, trades(9000, 9001));
    expect(existsSync(join(folder, 'merged-ba9876543210.parquet'))).toBe(true);
    expect(await rowsOf(directory, "SELECT count(*) FROM trade WHERE id < 't5'")).toHaveLength(1);
  });

  it('gives a file that counts its name back when it was put aside', async () => {
    const directory = await temporaryDirectory();
    await writeRun(directory, trades(0, 10));
    const [file] = parquetFilesIn(directory) as [string];
    const path = join(directory, file);
    renameSync(path, retiredPath(path));
    expect(await readAll(directory)).toEqual(trades(0, 10));
    await compact(directory);
    expect(existsSync(path)).toBe(true);
  });
});

describe('--keep', () => {
  const instrument = {
    type: 'instrument',
    exchange: 'bybit',
    market: 'linear',
    symbol: 'BTCUSDT',
    timestamp: START,
    base: 'BTC',
    quote: 'USDT',
    settle: 'USDT',
    kind: 'perpetual',
    status: 'trading',
    tickSize: 0.1,
    lotSize: 0.001,
    amountUnit: 'base',
    canonical: 'bybit:linear:BTCUSDT',
    ccxt: 'BTC/USDT:USDT',
  } as AnyRecord;

  async function daysOfTrades(directory: string, days: number): Promise<void> {
    for (let day = 0; day < days; day++) {
      const shifted = (record: AnyRecord) => ({ ...record, timestamp: record.timestamp + day * DAY }) as AnyRecord;
      const ofDay = trades(day * 10, day * 10 + 10).map(shifted);
      await writeRun(
        directory,
        [...ofDay, shifted({ ...tickerRecord, timestamp: START, localTimestamp: START + day * DAY })],
        unmerged,
      );
    }
  }

  const datesOf = async (directory: string, type: string) =>
    (await rowsOf(directory, `SELECT DISTINCT strftime(timestamp, '%Y-%m-%d') AS d FROM ${type} ORDER BY d`)).map(
      ([date]) => date,
    );

  it('removes whole days before the limit, by type, and frees the disk an hour later', async () => {
    const directory = await temporaryDirectory();
    await daysOfTrades(directory, 5);
    // The fifth day, 10:00; two days ago is the third day, 10:00: of it the second half is to be kept.
    const now = START + 4 * DAY;
    const retention = { otherwise: 2 * DAY, types: new Map([['ticker', 3 * DAY] as const]) };
    const { done } = await compact(directory, { now, retention });
    expect(
      done.map(({ action, partition: { type, date }, before, after }) => [action, type, date, before.records, after.records]),
    ).toEqual([
      ['remove', 'ticker', '2026-11-20', 1, 0],
      ['remove', 'trade', '2026-11-20', 10, 0],
      ['remove', 'trade', '2026-11-21', 10, 0],
    ]);
    expect(await datesOf(directory, 'trade')).toEqual(['2026-11-22', '2026-11-23', '2026-11-24']);
    expect(await datesOf(directory, 'ticker')).toEqual(['2026-11-21', '2026-11-22', '2026-11-23', '2026-11-24']);
    expect((await compact(directory, { now, retention })).done).toEqual([]);
    expect(parquetFilesIn(join(directory, 'trade')).filter((name) => name.includes('2026-11-20'))).toEqual([]);
  });

  it.each([
    ['removes a day that ends with the limit', 0, ['2026-11-20', '2026-11-21']],
    ['keeps a day that ends a microsecond after it', -1, ['2026-11-20']],
  ])('%s', async (_, later, gone) => {
    const directory = await temporaryDirectory();
    await daysOfTrades(directory, 3);
    const endOfSecond = START + 14 * 3_600_000_000 + DAY;
    const retention = { types: new Map([['trade', 30 * DAY] as const]) };
    const { done } = await compact(directory, { now: endOfSecond + 30 * DAY + later, retention });
    const removed = done.filter(({ action }) => action === 'remove');
    expect(removed.map(({ partition }) => partition.date)).toEqual(gone);
  });

  it('keeps trades that a candle of the store reaches back to', async () => {
    const directory = await temporaryDirectory();
    await daysOfTrades(directory, 10);
    const { log } = openStoreContext(storePaths(directory));
    await log.commit(() => ({ at: 0, settings: { 'candles.1w.open': 'first-trade', 'candles.1m.open': 'first-trade' } }));
    const retention = { types: new Map([['trade', DAY] as const]) };
    // Friday 20 to Sunday 29 November; the week of Monday 23 is not over on Sunday, that of the 16th is.
    await compact(directory, { now: START + 9 * DAY, retention });
    expect((await datesOf(directory, 'trade'))[0]).toBe('2026-11-23');
  });

  it('keeps results and the newest instruments unless they are named, and the newest instruments always', async () => {
    const directory = await temporaryDirectory();
    await writeRun(directory, [instrument, { ...instrument, timestamp: START + DAY }]);
    await writeRun(directory, trades(0, 10));
    const now = START + 400 * DAY;
    await compact(directory, { now, retention: { otherwise: DAY, types: new Map() } });
    expect(await datesOf(directory, 'instrument')).toEqual(['2026-11-20', '2026-11-21']);
    expect(await datesOf(directory, 'trade')).toEqual([]);
    await compact(directory, { now, retention: { types: new Map([['instrument', DAY]]) } });
    expect(await datesOf(directory, 'instrument')).toEqual(['2026-11-21']);
  });
});
