import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyRecord, Gap, RecordType } from '../../src/lib/model/records.js';
import { HOUR } from '../../src/lib/model/time.js';
import { withDatabase } from '../../src/lib/storage/database/duckdb.js';
import { storePaths } from '../../src/lib/storage/files/store-directory.js';
import { openStoreContext } from '../../src/lib/storage/log/store-context.js';
import { readStore } from '../../src/lib/storage/reading/store-reader.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { type ExchangeServer, startExchangeServer } from '../support/exchange-server/index.js';
import { finished, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const directory = mkdtempSync(join(tmpdir(), 'losses [1] '));
const path = (name: string) => join(directory, name);
const hour = Math.floor((Date.now() * 1_000) / HOUR) * HOUR;
const TRADES = ['backfill', '--exchange', 'bitget', '--market', 'linear', '--symbols', 'BTCUSDT'];
let server: ExchangeServer;
let history: AnyRecord[];

/** Three runs of an hour each: a file of trades and one of candles per hour. */
beforeAll(async () => {
  server = await startExchangeServer('bitget', {
    symbols: { linear: 1 },
    strangers: false,
    history: { trades: 8_000, duration: (12 * HOUR) / 1_000 },
  });
  for (const ago of [6, 5, 4]) {
    const span = ['--since', String(hour - ago * HOUR), '--until', String(hour - (ago - 1) * HOUR)];
    const what = [...TRADES, '--channels', 'trade,candle', '--interval', '1m', ...span, '--store', path('whole')];
    const { code, stderr } = await mdtoolHere(what, { env: server.environment });
    expect([code, stderr]).toEqual([0, expect.anything()]);
  }
  history = await stored('whole', 'trade');
  expect(history.length).toBeGreaterThan(1_000);
});
afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

async function stored(store: string, type: RecordType): Promise<AnyRecord[]> {
  const records: AnyRecord[] = [];
  for await (const batch of readStore(path(store), { types: [type] })) records.push(...batch);
  return records;
}

async function filesOf(store: string, type: string): Promise<string[]> {
  const state = await openStoreContext(storePaths(path(store))).log.read();
  const files = [...state.files.values()].filter((file) => file.path.startsWith(`${type}/`));
  return files.sort((a, b) => a.min - b.min).map((file) => join(path(store), file.path));
}

const gapsOf = async (store: string) =>
  ((await stored(store, 'gap')) as Gap[]).map(({ channel, reason, missing }) => [channel, reason, missing]);

const verify = (store: string) => mdtoolHere(['verify', '--store', path(store), '--format', 'ndjson']);
const backfill = (store: string, input: string) =>
  mdtoolHere(['backfill', '-', '--store', path(store)], { input, env: server.environment });
const verdictsOf = (stdout: string) => [
  ...new Set(
    stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { verdict: string }).verdict),
  ),
];

/** Everything in a directory and the number of changes of its log. */
const listing = (store: string) =>
  (readdirSync(path(store), { recursive: true }) as string[]).filter((name) => !/state|journal/.test(name)).sort();

async function swapIds(file: string): Promise<void> {
  await withDatabase({}, async (database) => {
    const from = `read_parquet('${file.replace(/[*?[]/g, '[$&]')}', hive_partitioning = false)`;
    const ids = `SELECT min("id") AS a, max("id") AS b FROM ${from}`;
    const swapped = `CASE "id" WHEN (SELECT a FROM (${ids})) THEN (SELECT b FROM (${ids})) WHEN (SELECT b FROM (${ids})) THEN (SELECT a FROM (${ids})) ELSE "id" END`;
    await database.run(`CREATE TABLE rows AS SELECT * REPLACE (${swapped} AS "id") FROM ${from}`);
    await database.run(`COPY rows TO '${file}' (FORMAT parquet, COMPRESSION zstd)`);
  });
}

describe('damaged files, verified and backfilled', () => {
  it.each<[string, number, (file: string) => void | Promise<void>, RegExp]>([
    ['a missing hour', 1, (file) => rmSync(file), /is gone/],
    ['the first hour', 0, (file) => rmSync(file), /is gone/],
    ['the last hour', 2, (file) => rmSync(file), /is gone/],
    ['a truncated file', 1, (file) => truncateSync(file, 2_000), /cannot be read/],
    ['swapped ids', 1, swapIds, /was changed after it was written/],
  ])('%s is named, quarantined, fetched again, and reported as repaired', async (name, index, damage, text) => {
    cpSync(path('whole'), path(name), { recursive: true });
    const file = (await filesOf(name, 'trade'))[index] as string;
    await damage(file);
    const remains = existsSync(file);
    const found = await verify(name);
    expect([found.code, found.stderr]).toEqual([3, expect.stringMatching(text)]);
    expect(found.stderr).toContain('mdtool verify --format ndjson | mdtool backfill - fetches again');
    const filled = await backfill(name, found.stdout);
    expect([filled.code, filled.stderr]).toEqual([0, expect.stringMatching(/quarantined 1 damaged file: /)]);
    expect(await stored(name, 'trade')).toEqual(history);
    expect(await gapsOf(name)).toEqual([
      ['trade', 'lost', true],
      ['trade', 'lost', false],
    ]);
    expect(existsSync(join(dirname(file), `.${basename(file)}.damaged`))).toBe(remains);
    const again = await verify(name);
    expect([again.code, verdictsOf(again.stdout)]).toEqual([0, ['whole']]);
  });

  it('everything at once, exchange candles too', async () => {
    cpSync(path('whole'), path('all'), { recursive: true });
    const [first, second, third] = (await filesOf('all', 'trade')) as [string, string, string];
    rmSync(first);
    truncateSync(second, 100);
    await swapIds(third);
    rmSync((await filesOf('all', 'candle'))[1] as string);
    const candles = await stored('whole', 'candle');
    const damaged = listing('all');
    const found = (await verify('all')).stdout;
    const plan = await mdtoolHere(['backfill', '-', '--plan', '--store', path('all')], { input: found, env: server.environment });
    expect([plan.code, plan.stderr]).toEqual([0, expect.stringMatching(/would quarantine 4 damaged files: /)]);
    expect(listing('all')).toEqual(damaged);
    const { code, stderr } = await backfill('all', found);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/quarantined 4 damaged files: /)]);
    expect(await stored('all', 'trade')).toEqual(history);
    expect(await stored('all', 'candle')).toEqual(candles);
    const again = await verify('all');
    expect([again.code, again.stderr]).toEqual([0, expect.anything()]);
    const before = listing('all');
    expect((await backfill('all', again.stdout)).code).toBe(0);
    expect(listing('all')).toEqual(before);
    const query = await mdtoolHere(['query', 'SELECT count(*) AS n FROM trade', '--store', path('all'), '--format', 'ndjson']);
    expect([query.code, query.stdout.trim()]).toEqual([0, `{"n":${history.length}}`]);
    // Quarantined files stay, whatever sweeps the store.
    await mdtoolHere(['compact', '--store', path('all')]);
    for (const file of [second, third]) expect(existsSync(join(dirname(file), `.${basename(file)}.damaged`))).toBe(true);
  });

  it('a duplicated file is named; it never counted, backfill leaves it alone and compact puts it aside', async () => {
    cpSync(path('whole'), path('double'), { recursive: true });
    const [file] = (await filesOf('double', 'trade')) as [string];
    const copy = join(dirname(file), 'copy.parquet');
    cpSync(file, copy);
    const found = await verify('double');
    expect([found.code, found.stderr]).toEqual([3, expect.stringMatching(/copy\.parquet is a copy of \d+ stored records/)]);
    expect((await backfill('double', found.stdout)).code).toBe(0);
    expect(await stored('double', 'trade')).toEqual(history);
    await mdtoolHere(['compact', '--store', path('double')]);
    expect(existsSync(copy)).toBe(false);
    expect((await verify('double')).code).toBe(0);
    expect(await stored('double', 'trade')).toEqual(history);
  });

  it('killed before anything was fetched, the gap is there; the next run completes', async () => {
    cpSync(path('whole'), path('killed'), { recursive: true });
    rmSync((await filesOf('killed', 'trade'))[1] as string);
    const found = await verify('killed');
    const away = { MDTOOL_BITGET_REST_URL: 'http://127.0.0.1:9' };
    const child = start(['backfill', '-', '--store', path('killed')], { env: away });
    const ended = finished(child);
    child.stdin?.end(found.stdout);
    for (let gaps = 0; gaps === 0; ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      gaps = await gapsOf('killed').then(
        ({ length }) => length,
        () => 0,
      );
    }
    child.kill('SIGKILL');
    await ended;
    expect(await gapsOf('killed')).toEqual([['trade', 'lost', true]]);
    expect((await stored('killed', 'trade')).length).toBeLessThan(history.length);
    const filledCandles = ['candles', '--interval', '1m', '--empty', 'flat', '--store', path('killed'), '--fail-on-gaps'];
    const candles = await mdtoolHere(filledCandles);
    expect(candles.code).toBe(3);
    const left = await verify('killed');
    expect([left.code, left.stderr]).toEqual([3, expect.stringContaining('verify found 1 hole')]);
    const toKilled = ['backfill', '-', '--store', path('killed')];
    const filled = await mdtoolHere(toKilled, { input: left.stdout, env: server.environment });
    expect([filled.code, filled.stderr]).toEqual([0, expect.not.stringContaining('quarantine')]);
    expect(await stored('killed', 'trade')).toEqual(history);
    expect((await verify('killed')).code).toBe(0);
    expect((await mdtoolHere(filledCandles)).code).toBe(0);
  });

  it('candles and rows of features are quarantined, and rebuilt by their steps', async () => {
    const span = ['--since', String(hour - 5.5 * HOUR), '--until', String(hour - 4.5 * HOUR)];
    expect((await mdtoolHere([...TRADES, ...span, '--store', path('derived')], { env: server.environment })).code).toBe(0);
    const steps = [
      ['candles', '--interval', '1m,15m', '--store', path('derived')],
      ['features', '--store', path('derived')],
    ];
    for (const step of steps) expect((await mdtoolHere(step)).code).toBe(0);
    const types = ['candle', 'micro', 'features'] as const;
    // Candles of several intervals come in no order.
    const rows = async (type: RecordType) => (await stored('derived', type)).map((row) => JSON.stringify(row)).sort();
    const before = await Promise.all(types.map(rows));
    for (const type of ['candle/source=trades/interval=1m', 'micro', 'features'])
      rmSync((await filesOf('derived', type))[0] as string);
    const { code, stderr } = await backfill('derived', (await verify('derived')).stdout);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/quarantined 3 damaged files: .*run the step of .* again/)]);
    expect(await gapsOf('derived')).toEqual([]);
    for (const step of steps) expect((await mdtoolHere(step)).code).toBe(0);
    expect(await Promise.all(types.map(rows))).toEqual(before);
    expect((await verify('derived')).code).toBe(0);
  });

  it('books cannot be fetched: what was lost stays a gap, and is told with 3', async () => {
    const bookAt = (n: number): AnyRecord => {
      const timestamp = hour - 5 * HOUR + Math.floor(n / 3) * HOUR + n * 1_000_000;
      const identity = {
        exchange: 'bitget',
        market: 'linear',
        symbol: 'BTCUSDT',
        timestamp,
        localTimestamp: timestamp + 9,
      } as const;
      return { type: 'book_snapshot', ...identity, bids: [[100, 1]], asks: [[101, 1]], depth: 15 };
    };
    for (const part of [
      [0, 1, 2],
      [3, 4, 5],
    ]) {
      const writer = await openStoreWriter(path('books'), { step: 'test' });
      await writer.write(part.map(bookAt));
      await writer.close();
    }
    rmSync((await filesOf('books', 'book_snapshot'))[0] as string);
    const { code, stderr } = await backfill('books', (await verify('books')).stdout);
    expect([code, stderr]).toEqual([3, expect.stringMatching(/quarantined[\s\S]*1 gap of book cannot be filled/)]);
    expect(await gapsOf('books')).toEqual([['book', 'lost', true]]);
    expect(await stored('books', 'book_snapshot')).toHaveLength(3);
    const again = await verify('books');
    expect([again.code, again.stdout]).toEqual([3, expect.stringMatching(/"verdict":"hole"[^\n]*lost: nothing is known/)]);
    const listed = listing('books');
    expect((await backfill('books', again.stdout)).code).toBe(3);
    expect(listing('books')).toEqual(listed);
  });
});
