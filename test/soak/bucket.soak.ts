import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CandleOptions } from '../../src/lib/candles/options.js';
import { buildStoredCandles } from '../../src/lib/candles/store/stored-candles.js';
import { parseIntervals } from '../../src/lib/model/interval.js';
import { SECOND } from '../../src/lib/model/time.js';
import { storePaths } from '../../src/lib/storage/files/store-directory.js';
import { openStoreContext } from '../../src/lib/storage/log/store-context.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { clickHouse, hasClickHouse, secondCandles, tiedTrades } from '../clickhouse/recipe.js';
import { onNewMachine, raceWriters, readOneDay } from '../lib/storage/bucket-trials.js';
import { compact } from '../lib/storage/compact-support.js';
import { rowsOf, START, temporaryDirectory } from '../lib/storage/support.js';
import { type RunningS3, startS3 } from '../support/ceph.js';
import { seeded } from '../support/random.js';
import { S3Server } from '../support/s3-server.js';

const CANDLES: CandleOptions = {
  intervals: parseIntervals(['1s']),
  open: 'first-trade',
  empty: 'skip',
  grace: SECOND,
  source: 'trades',
  amountUnit: () => 'base',
};
let server: RunningS3;

beforeAll(async () => {
  server = await startS3('the soak of a store in a bucket');
});
afterAll(() => server?.stop());

describe('a store in a bucket', () => {
  it('keeps 200 racing changes of four writers that are killed between file and log', async () => {
    const random = seeded(2026);
    const kills = new Map([0, 1, 2, 3].map((writer) => [writer, [0, 1, 2].map(() => 3 + Math.floor(random() * 10))]));
    await raceWriters('s3://market/race', server.environment, { writers: 4, batches: 50, kills });
  });

  it('fetches the objects of one day of a hundred', async () => {
    // The one server that counts its requests.
    const own = await S3Server.start();
    expect(await readOneDay('s3://market/days', own.environment, 100)).toHaveLength(10);
    const fetched = own.requests.filter(({ method, key }) => method === 'GET' && key.endsWith('.parquet'));
    expect(fetched.map(({ key }) => key)).toEqual([expect.stringContaining('/date=2027-01-09/')]);
    await own.stop();
  });

  it('has the same candles as on a disk, and ClickHouse has them too, where many trades share a time', async () => {
    const directory = await temporaryDirectory('clickhouse-');
    await onNewMachine(server.environment);
    for (const store of [directory, 's3://market/same']) {
      const writer = await openStoreWriter(store, { step: 'soak' });
      await writer.write(tiedTrades(200_000));
      await writer.close();
      const context = openStoreContext(storePaths(store));
      for await (const _ of buildStoredCandles(context, { candles: CANDLES }));
      await compact(store);
    }
    const sql = `SELECT symbol, epoch_us("timestamp"), open, high, low, close, round(volume, 6), trades FROM candle_1s ORDER BY ALL`;
    const candles = await rowsOf(directory, sql);
    expect(candles.length).toBeGreaterThan(1_000);
    expect(await rowsOf('s3://market/same', sql)).toEqual(candles);
    if (!hasClickHouse()) return;
    const files = `file('${directory}/trade/exchange=*/market=*/date=*/*.parquet', 'Parquet')`;
    expect(await clickHouse(secondCandles(files))).toEqual(candles);
    if (!server.isReal) return;
    const { MDTOOL_S3_ENDPOINT: host, AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: secret } = server.environment;
    const objects = `s3('${host}/market/same/trade/exchange=*/market=*/date=*/*.parquet', '${key}', '${secret}', 'Parquet')`;
    expect(await clickHouse(secondCandles(objects))).toEqual(candles);
    expect(
      await clickHouse(`SELECT count(), count(DISTINCT id), min(toUnixTimestamp64Micro(timestamp)) FROM ${objects}`),
    ).toEqual([[200_000, 200_000, START]]);
  });
});
