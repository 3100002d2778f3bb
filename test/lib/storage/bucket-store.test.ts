import { readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BucketCache, useStoreCache } from '../../../src/lib/storage/files/bucket-cache.js';
import { storePaths } from '../../../src/lib/storage/files/store-directory.js';
import { startStep } from '../../../src/lib/storage/journal/step-lock.js';
import { goneWriters, touchHeartbeat } from '../../../src/lib/storage/journal/writer-registry.js';
import { openStoreContext } from '../../../src/lib/storage/log/store-context.js';
import { openSnapshot } from '../../../src/lib/storage/reading/store-snapshot.js';
import { openStoreWriter } from '../../../src/lib/storage/store-writer.js';
import { rebuildLog } from '../../../src/lib/storage/upkeep/rebuild-log.js';
import { seeded } from '../../support/random.js';
import { S3Server } from '../../support/s3-server.js';
import { onNewMachine, readOneDay } from './bucket-trials.js';
import { compact, DAY } from './compact-support.js';
import { readAll, rowsOf, START, temporaryDirectory, trades, writeRun } from './support.js';

const STORE = 's3://market/prices/all';
let server: S3Server;

beforeEach(async () => {
  server = await S3Server.start();
});
afterEach(() => server.stop());

const claims = [{ exchange: 'bybit', market: 'linear', channel: 'trade', symbols: ['BTCUSDT'] }];
/** Keys of the Parquet files that were fetched. */
const fetched = () =>
  server.requests.filter(({ method, key }) => method === 'GET' && key.endsWith('.parquet')).map(({ key }) => key);

describe('a store in a bucket', () => {
  it('reads on another machine as the same store on a disk', async () => {
    const directory = await temporaryDirectory();
    await onNewMachine(server.environment);
    for (const store of [directory, STORE]) {
      await writeRun(store, trades(0, 300));
      await writeRun(store, trades(200, 500));
      await compact(store, { now: START + 2 * DAY });
    }
    await onNewMachine(server.environment);
    expect(await readAll(STORE)).toEqual(await readAll(directory));
    const sql = 'SELECT symbol, count(*), sum(amount), max(price), min(sequence) FROM trade GROUP BY ALL ORDER BY ALL';
    expect(await rowsOf(STORE, sql)).toEqual(await rowsOf(directory, sql));
  });

  it('fetches the objects of the asked day only, each once', async () => {
    expect(await readOneDay(STORE, server.environment, 12)).toHaveLength(10);
    expect(fetched()).toEqual([expect.stringContaining('/date=2026-11-26/')]);
    await readAll(STORE, { since: START + 6 * DAY, until: START + 7 * DAY });
    expect(fetched()).toHaveLength(1);
  });

  it.each([
    ['ignored', /127\.0\.0\.1:\d+ cannot keep a store: it ignores If-None-Match: \* and overwrites/],
    ['lacking', /cannot keep a store: it lacks conditional writes: it returned 501/],
  ] as const)('is refused where conditional writes are %s', async (conditions, message) => {
    server.options = { conditions };
    await onNewMachine(server.environment);
    await expect(openStoreWriter(STORE, { step: 'test' })).rejects.toThrow(message);
    expect(server.keys()).toEqual([]);
  });

  it('is refused where other objects lie, and is no store where nothing lies', async () => {
    await onNewMachine(server.environment);
    await expect(rowsOf(STORE, 'SELECT count(*) FROM trade')).rejects.toThrow('no store in s3://market/prices/all');
    server.objects.set('prices/all/report.txt', { body: Buffer.from('x'), etag: '"1"', changedAt: 0, meta: {} });
    await expect(openStoreWriter(STORE, { step: 'test' })).rejects.toThrow(
      /s3:\/\/market\/prices\/all is not an mdtool store \(it contains report.txt/,
    );
  });

  it('loses nothing when answers get lost and the server is busy', async () => {
    const random = seeded(7);
    server.options = {
      fault: ({ method }) => {
        const roll = random();
        if (roll < 0.05) return { status: 503, code: 'SlowDown' };
        return roll < 0.15 && method !== 'GET' ? 'lost answer' : undefined;
      },
    };
    await onNewMachine(server.environment);
    for (let run = 0; run < 3; run++) await writeRun(STORE, trades(run * 100, run * 100 + 100));
    const { version, files } = await openStoreContext(storePaths(STORE)).log.read();
    expect(server.keys('prices/all/state/log/')).toHaveLength(version);
    expect(await rowsOf(STORE, 'SELECT count(*)::INT, count(DISTINCT id)::INT FROM trade')).toEqual([[300, 300]]);
    const visible = server.keys('prices/all/trade/').filter((key) => key.endsWith('.parquet'));
    expect(visible).toEqual([...files.keys()].map((path) => `prices/all/${path}`).sort());
  });
});

describe('the writers of a bucket', () => {
  it('refuse each other as on a disk, and free their claims at their end', async () => {
    await onNewMachine(server.environment);
    const first = await openStoreWriter(STORE, { step: 'stream', claims });
    await onNewMachine(server.environment);
    await expect(openStoreWriter(STORE, { step: 'stream', claims })).rejects.toThrow(
      /bybit linear trade BTCUSDT is already being captured by "stream"/,
    );
    const step = await startStep(STORE, 'candles', { wait: false });
    expect(await startStep(STORE, 'candles', { wait: false })).toBeUndefined();
    await step?.release();
    await first.close();
    await (await openStoreWriter(STORE, { step: 'stream', claims })).close();
    expect(server.keys().filter((key) => key.endsWith('.alive'))).toEqual([]);
  });

  it('are gone after a minute by the clock of the server, whatever that of a machine says', async () => {
    await onNewMachine(server.environment);
    const writer = await openStoreWriter(STORE, { step: 'stream', claims });
    const context = openStoreContext(storePaths(STORE));
    server.options = { skew: 55_000 };
    expect(await goneWriters(context)).toEqual(new Set());
    server.options = { skew: 65_000 };
    expect(await goneWriters(context)).toEqual(new Set([writer.id]));
    server.options = {};
    await writer.close();
  });

  it('notice that another one took their claims while they were suspended, and store nothing more under them', async () => {
    await onNewMachine(server.environment);
    const suspended = await openStoreWriter(STORE, { step: 'stream', claims });
    await suspended.write(trades(0, 10));
    const context = openStoreContext(storePaths(STORE));
    await onNewMachine(server.environment);
    const next = await openStoreWriter(STORE, { step: 'stream', claims, silenceLimitMs: 0 });
    expect(await touchHeartbeat(context, suspended.id)).toBe('lost');
    await expect(suspended.close()).resolves.toMatchObject({ written: 10 });
    await next.write(trades(0, 20));
    await next.close();
    expect(await rowsOf(STORE, 'SELECT count(*)::INT, count(DISTINCT id)::INT FROM trade')).toEqual([[20, 20]]);
  });

  it('go on into their journal while the bucket is away, and seal when it is back', async () => {
    await onNewMachine(server.environment);
    const writer = await openStoreWriter(STORE, { step: 'stream', claims, sealRecords: 10 });
    server.options = { fault: () => ({ status: 500, code: 'InternalError' }) };
    await writer.write(trades(0, 10));
    await writer.write(trades(10, 20));
    server.options = {};
    expect(await writer.close()).toMatchObject({ written: 20, repeated: 0 });
    await onNewMachine(server.environment);
    expect(await rowsOf(STORE, 'SELECT count(*)::INT FROM trade')).toEqual([[20]]);
  });

  it('seal a journal that the cache of a killed run has', async () => {
    const cache = await onNewMachine(server.environment);
    const killed = await openStoreWriter(STORE, { step: 'stream' });
    await killed.write(trades(0, 30));
    server.options = { skew: 65_000 };
    const report = await writeRun(STORE, trades(30, 40));
    expect(report.recovered).toBe(30);
    server.options = {};
    expect(await readdir(join(storePaths(STORE).root, 'journal'))).toEqual([]);
    useStoreCache(cache);
    expect(await rowsOf(STORE, 'SELECT count(*)::INT FROM trade')).toEqual([[40]]);
    await killed.close();
  });

  it('do not forget which journals another machine still has', async () => {
    await onNewMachine(server.environment);
    const first = await openStoreWriter(STORE, { step: 'stream', sealRecords: 10 });
    await first.write(trades(0, 10));
    const context = openStoreContext(storePaths(STORE));
    await vi.waitFor(async () => expect((await context.log.read()).sealed.size).toBe(1), { timeout: 10_000 });
    await onNewMachine(server.environment);
    await compact(STORE);
    expect((await context.log.read()).sealed.size).toBe(1);
    await first.close();
    expect((await context.log.read()).sealed.size).toBe(0);
  });
});

describe('the log of a bucket', () => {
  const rebuild = () => rebuildLog(storePaths(STORE));
  const logKeys = () => server.keys('prices/all/state/log/');

  it('is made anew from the objects, where it is lost; nothing is deleted', async () => {
    await onNewMachine(server.environment);
    for (let run = 0; run < 3; run++) await writeRun(STORE, trades(run * 10, run * 10 + 10));
    await compact(STORE, { now: START + 2 * DAY });
    await writeRun(STORE, trades(25, 40));
    const [before, objects] = [await readAll(STORE), server.keys('prices/all/trade/').length];
    expect(await rebuild()).toBeUndefined();
    for (const key of logKeys().slice(0, 3)) server.objects.delete(key);
    await onNewMachine(server.environment);
    await expect(readAll(STORE)).rejects.toThrow(/^s3:.*state of the store is unknown: .*mdtool store repair/);
    const report = await rebuild();
    expect(report).toMatchObject({ records: 40 });
    await onNewMachine(server.environment);
    expect(await readAll(STORE)).toEqual(before);
    expect(server.keys('prices/all/trade/')).toHaveLength(objects);
    expect(logKeys()).toEqual([expect.stringMatching(/checkpoint\.json$/)]);
    expect(server.keys('prices/all/state/before-rebuild').length).toBeGreaterThan(3);
    expect(server.keys().filter((key) => key.endsWith('rebuild.lock'))).toEqual([]);
    expect(await rebuild()).toBeUndefined();
  });

  it('is not made anew while another machine writes, nor because the bucket is away', async () => {
    await onNewMachine(server.environment);
    const writer = await openStoreWriter(STORE, { step: 'stream', claims });
    await writer.write(trades(0, 10));
    await onNewMachine(server.environment);
    await writeRun(STORE, trades(10, 20));
    server.options = {
      fault: ({ key, method }) => (method === 'GET' && key.includes('/log/') ? { status: 403, code: 'AccessDenied' } : undefined),
    };
    await expect(rebuild()).rejects.toThrow(/AccessDenied/);
    server.options = {};
    const [first = '', ...others] = logKeys();
    server.objects.delete(first);
    await expect(rebuild()).rejects.toThrow(
      /s3:\/\/market\/prices\/all\/state\/.*\.alive changed in the last .*nothing was changed/,
    );
    expect(logKeys()).toEqual(others);
    server.options = { skew: 65_000 };
    expect(await rebuild()).toMatchObject({ files: 1, records: 10 });
    server.options = {};
    await writer.close().catch(() => {});
  });

  it('takes records from a retired object that no other has, and goes on where it was interrupted', async () => {
    await onNewMachine(server.environment);
    for (const from of [0, 10]) await writeRun(STORE, trades(from, from + 10), { now: () => 0 });
    const [first = ''] = server.keys('prices/all/trade/');
    const object = server.objects.get(first);
    if (!object) throw new Error('no object');
    server.objects.delete(first);
    server.objects.set(first.replace(/([^/]+)$/, '.$1.replaced'), object);
    for (const key of logKeys().slice(0, 2)) server.objects.delete(key);
    server.options = {
      fault: ({ key, method }) =>
        method === 'PUT' && key.endsWith('checkpoint.json') ? { status: 403, code: 'AccessDenied' } : undefined,
    };
    await onNewMachine(server.environment);
    await expect(rebuild()).rejects.toThrow(/AccessDenied/);
    await expect(readAll(STORE)).rejects.toThrow(/mdtool store repair/);
    server.options = {};
    expect(await rebuild()).toMatchObject({ files: 2, records: 20, moved: 0 });
    await onNewMachine(server.environment);
    expect(await rowsOf(STORE, 'SELECT count(*)::INT, count(DISTINCT id)::INT FROM trade')).toEqual([[20, 20]]);
    expect(server.keys('prices/all/trade/').filter((key) => key.endsWith('.parquet'))).toHaveLength(2);
  });
});

describe('the objects of a bucket', () => {
  it('vanish from directories when they are replaced, and stay readable for who began before', async () => {
    await onNewMachine(server.environment);
    for (let run = 0; run < 3; run++) await writeRun(STORE, trades(run * 10, run * 10 + 10));
    await onNewMachine(server.environment);
    const before = await openSnapshot(STORE, { types: ['trade'] });
    await onNewMachine(server.environment);
    await compact(STORE, { now: START + 2 * DAY });
    const names = server.keys('prices/all/trade/').map((key) => key.slice(key.lastIndexOf('/') + 1));
    expect(names.filter((name) => name.endsWith('.parquet'))).toEqual([expect.stringMatching(/^merged-/)]);
    expect(names.filter((name) => name.endsWith('.parquet.replaced')).length).toBeGreaterThanOrEqual(3);
    expect(await before.database.number(`SELECT count(*) FROM ${before.relation('trade')}`)).toBe(30);
    await before.close();
    server.options = { skew: 2 * 3_600_000 };
    await compact(STORE, { now: START + 2 * DAY });
    expect(server.keys('prices/all/trade/')).toHaveLength(1);
  });

  it('are copied again to be proved: a copy hides no damage', async () => {
    await onNewMachine(server.environment);
    await writeRun(STORE, trades(0, 10));
    const [key = ''] = server.keys('prices/all/trade/');
    const { checkFile } = await import('../../../src/lib/storage/reading/file-check.js');
    const snapshot = await openSnapshot(STORE, { types: ['trade'] });
    const [path = ''] = snapshot.files;
    const [file] = snapshot.state.files.values();
    if (!file) throw new Error('no file');
    const check = () => checkFile(snapshot.database, path, 'trade', file);
    expect(await check()).toBeUndefined();
    const kept = server.objects.get(key);
    if (!kept) throw new Error('no object');
    server.objects.set(key, { ...kept, body: Buffer.concat([kept.body.subarray(0, -9), Buffer.alloc(9)]) });
    expect(await check()).toMatchObject({ kind: 'unreadable' });
    server.objects.delete(key);
    expect(await check()).toMatchObject({ kind: 'gone' });
    await snapshot.close();
  });

  it('leave the cache when it is full, those first that were not used for longest', async () => {
    const folder = await temporaryDirectory();
    const cache = new BucketCache(folder, 350);
    const paths = ['a', 'b', 'c', 'd'].map((name) => join(folder, `${name}.parquet`));
    const [a = '', b = '', c = '', d = ''] = paths;
    for (const path of [a, b, c]) await writeFile(path, Buffer.alloc(100));
    const old = (minutes: number) => new Date(Date.now() - minutes * 60_000);
    await utimes(a, old(30), old(90));
    await utimes(b, old(60), old(60));
    await utimes(c, old(5), old(90));
    expect(await cache.has(a)).toBe(true);
    await writeFile(d, Buffer.alloc(100));
    await cache.add(d);
    expect((await readdir(folder)).sort()).toEqual(['a.parquet', 'c.parquet', 'd.parquet']);
    expect((await stat(a)).mtimeMs).toBeLessThan(old(80).getTime());
  });
});
