import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildStoredCandles } from '../../../../src/lib/candles/store/stored-candles.js';
import { parseIntervals } from '../../../../src/lib/model/interval.js';
import { storePaths } from '../../../../src/lib/storage/files/store-directory.js';
import { retiredPath } from '../../../../src/lib/storage/files/stored-file.js';
import { openStoreContext } from '../../../../src/lib/storage/log/store-context.js';
import { openStoreWriter } from '../../../../src/lib/storage/store-writer.js';
import { rebuildLog } from '../../../../src/lib/storage/upkeep/rebuild-log.js';
import { gapRecord, tickerRecord } from '../../../support/records.js';
import { startWriter } from '../child-writer.js';
import { compact, DAY, treeOf } from '../compact-support.js';
import { readAll, rowsOf, START, sleep, storeTemplate, temporaryDirectory, tradeAt, trades, writeRun } from '../support.js';

const unmerged = { now: () => 0 };
const candles = {
  intervals: parseIntervals(['1m']),
  open: 'previous-close',
  empty: 'skip',
  grace: 1_000_000,
  source: 'trades',
  amountUnit: () => 'base' as const,
} as const;

async function build(directory: string): Promise<void> {
  for await (const _ of buildStoredCandles(openStoreContext(storePaths(directory)), { candles }));
}

/** Captured and fetched copies, several types and days, one of them compacted, with replaced files waiting. */
const filled = storeTemplate(async (directory) => {
  const fetched = trades(0, 200).map(({ localTimestamp: _, ...trade }) => trade);
  const ticker = { ...tickerRecord, timestamp: START, localTimestamp: START };
  await writeRun(directory, [...fetched, ticker], unmerged);
  await writeRun(directory, [...trades(100, 400), { ...gapRecord, timestamp: START, localTimestamp: START + 1 }], unmerged);
  await compact(directory);
  await writeRun(directory, trades(350, 500), unmerged);
  await writeRun(
    directory,
    trades(500, 600).map((trade) => ({ ...trade, timestamp: trade.timestamp + DAY })),
    unmerged,
  );
});

const logOf = (directory: string) => join(directory, 'state/log');
const rebuild = (directory: string) => rebuildLog(storePaths(directory));

describe('a log that is made anew', () => {
  it.each([
    ['deleted', (log: string) => rmSync(log, { recursive: true })],
    ['deleted with all the state', (log: string) => rmSync(dirname(log), { recursive: true })],
    ['damaged', (log: string) => writeFileSync(join(log, '00000000000000000003.json'), '{"at":')],
    ['without one change', (log: string) => rmSync(join(log, '00000000000000000004.json'))],
    ['without its last change', (log: string) => rmSync(join(log, readdirSync(log).sort().at(-1) as string))],
  ])('gives the same records, once, where it was %s', async (_, damage) => {
    const directory = await filled();
    const before = await readAll(directory);
    damage(logOf(directory));
    await expect(readAll(directory)).rejects.toThrow(/store repair/);
    expect(await rebuild(directory)).toMatchObject({ files: 5, moved: 0 });
    expect(await readAll(directory)).toEqual(before);
    expect((await compact(directory)).failures).toEqual([]);
    expect(await readAll(directory)).toEqual(before);
    await writeRun(directory, [tradeAt(9000), tradeAt(3)]);
    expect(await readAll(directory, { types: ['trade'] })).toHaveLength(601);
    expect(await rebuild(directory)).toBeUndefined();
  });

  it('takes a merge instead of what it replaced, whichever names both had when the log was lost', async () => {
    const directory = await filled();
    const before = await readAll(directory);
    const names = (readdirSync(directory, { recursive: true }) as string[]).filter((name) => name.endsWith('.replaced'));
    expect(names.length).toBeGreaterThan(1);
    // As if killed between the change and the renaming.
    for (const name of names) renameSync(join(directory, name), join(directory, name.replace(/\/\.([^/]+)\.replaced$/, '/$1')));
    rmSync(logOf(directory), { recursive: true });
    expect(await rebuild(directory)).toMatchObject({ moved: names.length });
    expect(await readAll(directory)).toEqual(before);
    const moved = readdirSync(join(directory, 'state'), { recursive: true, encoding: 'utf8' });
    expect(moved.filter((name) => name.endsWith('.parquet'))).toHaveLength(names.length);
  });

  it('takes a file that was put aside when nothing else has its segments', async () => {
    const directory = await filled();
    const before = await readAll(directory);
    const [name] = (readdirSync(directory, { recursive: true }) as string[]).filter((path) => /2026-11-21.*parquet$/.test(path));
    const path = join(directory, name as string);
    renameSync(path, retiredPath(path));
    rmSync(logOf(directory), { recursive: true });
    await rebuild(directory);
    expect(existsSync(path)).toBe(true);
    expect(await readAll(directory)).toEqual(before);
  });

  it('leaves journals to whoever takes them over, sealed or not', async () => {
    const directory = await temporaryDirectory();
    const killed = startWriter(directory, { records: 60, pauseMs: 60_000, sealEveryMs: 150 });
    await killed.ready;
    while (killed.printed.length < 20) await sleep(20);
    await sleep(600);
    killed.process.kill('SIGKILL');
    await killed.ended;
    await writeRun(directory, trades(100, 110));
    const before = await readAll(directory);
    rmSync(logOf(directory), { recursive: true });
    const signs = readdirSync(join(directory, 'state')).map((name) => join(directory, 'state', name));
    for (const name of signs) utimesSync(name, 1, 1);
    await rebuild(directory);
    expect(await readAll(directory)).toEqual(before);
    await compact(directory);
    expect(await readAll(directory)).toEqual(before);
  });

  it('moves candles away that can be built again, and keeps those that cannot, with their rules', async () => {
    const directory = await filled();
    await build(directory);
    const before = await readAll(directory);
    rmSync(logOf(directory), { recursive: true });
    expect(await rebuild(directory)).toMatchObject({ candles: 2 });
    expect(await readAll(directory, { types: ['candle'] })).toEqual([]);
    await build(directory);
    expect(await readAll(directory)).toEqual(before);
    await compact(directory, { retention: { types: new Map([['trade', DAY / 24]]) } });
    const kept = await readAll(directory, { types: ['candle'] });
    // An hour later.
    const replaced = (readdirSync(directory, { recursive: true }) as string[]).filter((name) => name.endsWith('.replaced'));
    for (const name of replaced) rmSync(join(directory, name));
    rmSync(dirname(logOf(directory)), { recursive: true });
    expect(await rebuild(directory)).toMatchObject({ candles: 0 });
    expect(await readAll(directory, { types: ['candle'] })).toEqual(kept);
    const { metadata } = await openStoreContext(storePaths(directory)).log.read();
    expect(metadata.get('candles.1m.open')).toBe('previous-close');
  });
});

describe('rebuilding is refused', () => {
  const unchanged = async (directory: string, message: RegExp) => {
    const tree = treeOf(directory);
    await expect(rebuild(directory)).rejects.toMatchObject({ exitCode: 1, message: expect.stringMatching(message) });
    expect(treeOf(directory)).toEqual(tree);
    await expect(readAll(directory)).rejects.toThrow(/log/);
    expect(readdirSync(join(directory, 'state'))).not.toContain('rebuild.lock');
  };

  it('while a writer lives, and for five minutes after a sign of life whose sender cannot be asked', async () => {
    const directory = await filled();
    const writer = await openStoreWriter(directory, { step: 'test' });
    await writer.write(trades(700, 710));
    const [, ...changes] = readdirSync(logOf(directory)).map(
      (name) => [name, readFileSync(join(logOf(directory), name))] as const,
    );
    rmSync(logOf(directory), { recursive: true });
    await unchanged(directory, /journal\/.* is being written \(pid \d+/);
    mkdirSync(logOf(directory));
    for (const [name, text] of changes) writeFileSync(join(logOf(directory), name), text);
    rmSync(logOf(directory), { recursive: true });
    const [journal] = readdirSync(join(directory, 'journal')) as [string];
    rmSync(join(directory, 'journal', journal));
    await unchanged(directory, /changed in the last 5m: another process/);
    for (const name of readdirSync(join(directory, 'state'))) utimesSync(join(directory, 'state', name), 1, 1);
    expect(await rebuild(directory)).toBeDefined();
    expect(await rowsOf(directory, 'SELECT count(*) FROM trade')).toEqual([[600]]);
    await writer.close().catch(() => {});
  });

  it('when a file cannot be read or is not of this place', async () => {
    const directory = await filled();
    rmSync(logOf(directory), { recursive: true });
    const names = (readdirSync(directory, { recursive: true }) as string[]).filter((name) => name.endsWith('.parquet'));
    const [ticker] = names.filter((name) => name.includes('ticker')) as [string];
    const stray = join(dirname(join(directory, names.find((name) => name.includes('trade')) as string)), 'x.parquet');
    copyFileSync(join(directory, ticker), stray);
    await unchanged(directory, /x\.parquet was not written there by mdtool/);
    writeFileSync(stray, 'PAR1');
    await unchanged(directory, /x\.parquet cannot be read/);
  });
});
