import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bucket } from '../../src/lib/bucket/bucket.js';
import { accessOf } from '../../src/lib/bucket/bucket-url.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { onNewMachine, raceWriters, readOneDay } from '../lib/storage/bucket-trials.js';
import { compact, DAY } from '../lib/storage/compact-support.js';
import { rowsOf, START, temporaryDirectory, trades, writeRun } from '../lib/storage/support.js';
import { type RunningS3, startS3 } from '../support/ceph.js';

describe('an S3 server', () => {
  let server: RunningS3;
  beforeAll(async () => {
    server = await startS3('the tests of a store in a bucket');
  });
  afterAll(() => server?.stop());

  it('keeps conditional writes, signatures of strange names, parts and copies', async () => {
    const bucket = new Bucket(accessOf(server.environment), 'market', { partBytes: 5 << 20 });
    expect(await bucket.defect('x/probe')).toBeUndefined();
    const won = await Promise.all(Array.from({ length: 8 }, (_, n) => bucket.create('x/race', Buffer.from(`${n}`))));
    expect(won.filter(Boolean)).toHaveLength(1);
    const strange = "x/date=1/it's a+b é%2F&.parquet";
    await bucket.put(strange, Buffer.from('one'));
    expect(await bucket.rename(strange, 'x/date=1/.other.replaced')).toBe(true);
    expect(await bucket.names('x/date=1/')).toEqual(['.other.replaced']);
    expect(await bucket.read('x/date=1/.other.replaced')).toBe('one');
    const path = join(await temporaryDirectory(), 'large');
    await writeFile(path, Buffer.alloc(11 << 20, 'three parts'));
    await bucket.upload(path, 'x/large');
    await bucket.download('x/large', `${path}.received`);
    expect((await readFile(`${path}.received`)).equals(await readFile(path))).toBe(true);
  });

  it('keeps what racing writers acknowledged, though one is killed before its change', async () => {
    await raceWriters('s3://market/race', server.environment, { writers: 2, batches: 4, kills: new Map([[0, [1]]]) });
  });

  it('has a store that reads as the same one on a disk, a day at a time', async () => {
    const directory = await temporaryDirectory();
    await onNewMachine(server.environment);
    for (const store of [directory, 's3://market/same']) {
      await writeRun(store, trades(0, 300));
      await writeRun(store, trades(200, 500));
      await compact(store, { now: START + 2 * DAY });
    }
    const sql = 'SELECT symbol, count(*), sum(amount), max(price), min(sequence) FROM trade GROUP BY ALL ORDER BY ALL';
    await onNewMachine(server.environment);
    expect(await rowsOf('s3://market/same', sql)).toEqual(await rowsOf(directory, sql));
    expect(await readOneDay('s3://market/days', server.environment, 4)).toHaveLength(10);
  });

  it('refuses a second writer of the same symbols', async () => {
    const claims = [{ exchange: 'bybit', market: 'linear', channel: 'trade', symbols: ['BTCUSDT'] }];
    await onNewMachine(server.environment);
    const first = await openStoreWriter('s3://market/claims', { step: 'stream', claims });
    await onNewMachine(server.environment);
    await expect(openStoreWriter('s3://market/claims', { step: 'stream', claims })).rejects.toThrow(/already being captured/);
    await first.close();
  });
});
