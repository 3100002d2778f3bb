import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStoreDirectory } from '../../../src/lib/storage/files/store-directory.js';
import { changeMetadata } from '../../../src/lib/storage/log/metadata.js';
import { listViews } from '../../../src/lib/storage/reading/store-views.js';
import { openStoreWriter } from '../../../src/lib/storage/store-writer.js';
import { mountSmallDisk } from '../../support/small-disk.js';
import { readAll, rowsOf, temporaryDirectory, tradeAt, trades, writeRun } from './support.js';

const DAY = 86_400_000_000;

describe('a damaged file', () => {
  it.each([
    ['cut short', (path: string) => truncateSync(path, 300)],
    ['empty', (path: string) => truncateSync(path, 0)],
    ['something else', (path: string) => writeFileSync(path, 'x'.repeat(5000))],
    ['gone', (path: string) => rmSync(path)],
  ])('fails what needs it, naming the path, and nothing else: %s', async (_, damage) => {
    const directory = await temporaryDirectory();
    await writeRun(directory, [
      ...trades(0, 500),
      ...trades(500, 1000).map((trade) => ({ ...trade, timestamp: trade.timestamp + DAY })),
    ]);
    const names = ((await readdir(directory, { recursive: true })) as string[]).filter((name) => name.endsWith('.parquet'));
    const damaged = join(directory, names.find((name) => name.includes('2026-11-21')) as string);
    damage(damaged);
    const failure = { exitCode: 1, message: expect.stringContaining(damaged) };
    await expect(rowsOf(directory, 'SELECT sum(price) FROM trade')).rejects.toMatchObject(failure);
    await expect(readAll(directory)).rejects.toMatchObject(failure);
    const until = Date.parse('2026-11-21T00:00:00Z') * 1000;
    expect(await readAll(directory, { until })).toHaveLength(500);
    expect(await listViews(directory)).toMatchObject([{ view: 'trade', records: 1000 }]);
    // Writing goes on as well.
    await writeRun(directory, [tradeAt(2000)]);
  });
});

describe('a log', () => {
  const everyUse = [
    (directory: string) => rowsOf(directory, 'SELECT count(*) FROM trade'),
    (directory: string) => readAll(directory),
    (directory: string) => listViews(directory),
    (directory: string) => writeRun(directory, trades(0, 10)),
    (directory: string) => changeMetadata(directory, () => ({ a: 'b' })),
  ];

  it.each([
    ['deleted', (log: string) => rmSync(log, { recursive: true })],
    ['deleted with all the state', (log: string) => rmSync(join(log, '..'), { recursive: true })],
    ['emptied', (log: string) => void readdirSync(log).map((name) => rmSync(join(log, name)))],
  ])('that is %s does not make a store with files look empty', async (_, damage) => {
    const directory = await temporaryDirectory();
    await writeRun(directory, trades(0, 100));
    damage(join(directory, 'state/log'));
    const message = expect.stringMatching(
      /state\/log is empty, but the store has files \(.*trade.*parquet\): its log is lost; restore/,
    );
    for (const use of everyUse) await expect(use(directory)).rejects.toMatchObject({ exitCode: 1, message });
  });

  it('that lacks one change is refused, naming it', async () => {
    const directory = await temporaryDirectory();
    await writeRun(directory, trades(0, 100));
    const lost = join(directory, 'state/log/00000000000000000002.json');
    rmSync(lost);
    const message = expect.stringContaining(`${lost} is missing, so the state of the store is unknown`);
    for (const use of everyUse) await expect(use(directory)).rejects.toMatchObject({ exitCode: 1, message });
  });

  it('of a store that has no files yet may be empty', async () => {
    const directory = await temporaryDirectory();
    await openStoreDirectory(directory);
    expect(await readAll(directory)).toEqual([]);
    await writeRun(directory, trades(0, 10));
    expect(await readAll(directory)).toHaveLength(10);
  });
});

const disk = mountSmallDisk(3);

describe.skipIf(disk === undefined)('a small disk', () => {
  const root = disk?.root ?? '';
  beforeAll(() => {
    execFileSync('mount', ['-o', 'remount,rw', root]);
  });
  afterAll(() => disk?.unmount());

  it('that fills: says so, keeps what was acknowledged readable, and goes on when there is room again', async () => {
    const directory = join(root, 'store');
    const ballast = join(root, 'ballast');
    const writer = await openStoreWriter(directory, { step: 'test', onWarning: () => {} });
    writeFileSync(ballast, Buffer.alloc(2_000_000));
    let acknowledged = 0;
    const fill = async () => {
      for (; acknowledged < 100_000; acknowledged += 500) await writer.write(trades(acknowledged, acknowledged + 500));
    };
    const full = { exitCode: 1, message: expect.stringMatching(new RegExp(`${directory}.*no space left`)) };
    await expect(fill()).rejects.toMatchObject(full);
    expect(acknowledged).toBeGreaterThan(1000);
    expect(await rowsOf(directory, 'SELECT count(*), count(DISTINCT id) FROM trade')).toEqual([[acknowledged, acknowledged]]);
    await expect(writer.close()).rejects.toMatchObject(full);
    expect(await rowsOf(directory, 'SELECT count(*), count(DISTINCT id) FROM trade')).toEqual([[acknowledged, acknowledged]]);
    rmSync(ballast);
    // The same process takes up again what it could not seal.
    expect(await writer.close()).toMatchObject({ written: acknowledged });
    expect(await rowsOf(directory, 'SELECT count(*), count(DISTINCT id) FROM trade')).toEqual([[acknowledged, acknowledged]]);
    expect(await readdir(join(directory, 'journal'))).toEqual([]);
  });

  it('that is read-only: can be read, and refuses to be written with the path', async () => {
    const directory = join(root, 'readonly');
    await writeRun(directory, trades(0, 10));
    execFileSync('mount', ['-o', 'remount,ro', root]);
    expect(await readAll(directory)).toHaveLength(10);
    const message = expect.stringMatching(new RegExp(`${directory}.*read-only`));
    await expect(openStoreWriter(directory, { step: 'test' })).rejects.toMatchObject({ exitCode: 1, message });
    await expect(openStoreWriter(join(root, 'new'), { step: 'test' })).rejects.toMatchObject({ exitCode: 1 });
  });
});
