import { appendFile, mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { storePaths } from '../../../src/lib/storage/files/store-directory.js';
import { type JournalEntry, listJournals } from '../../../src/lib/storage/journal/journal.js';
import type { CommitLog } from '../../../src/lib/storage/log/commit-log.js';
import { openStoreContext } from '../../../src/lib/storage/log/store-context.js';
import { openStoreWriter } from '../../../src/lib/storage/store-writer.js';
import { sealSegment } from '../../../src/lib/storage/upkeep/seal.js';
import { startWriter, type WriterProcess } from './child-writer.js';
import { crashTrial, storedIds } from './crash-trials.js';
import { rowsOf, START, sleep, temporaryDirectory, trades, writeRun } from './support.js';

/** The soak has 200. */
const TRIALS = 6;

/** Resolves when a process has written some batches, however busy the machine is. */
async function written({ printed }: WriterProcess): Promise<void> {
  while (printed.length < 60) await sleep(20);
}

/** Returns a writer that was killed after some batches. */
async function killedWriter(directory: string, records?: number): Promise<WriterProcess> {
  const writer = startWriter(directory, records === undefined ? {} : { records });
  await written(writer);
  writer.process.kill('SIGKILL');
  await writer.ended;
  return writer;
}

describe('a writer that is killed', () => {
  it(`loses nothing printed and doubles nothing, in ${TRIALS} trials`, { timeout: 120_000 }, async () => {
    // Moments spread over several seals and merges; two at a time, as there are two cores.
    const moments = Array.from({ length: TRIALS }, (_, trial) => 30 + ((trial * 137) % 300));
    const run = async (): Promise<number> => {
      const moment = moments.pop();
      if (moment === undefined) return 0;
      const { printed } = await crashTrial(await temporaryDirectory(), moment);
      return printed + (await run());
    };
    const [a, b] = await Promise.all([run(), run()]);
    expect(a + b).toBeGreaterThan(TRIALS * 20);
  });

  it('leaves a half line behind, which is dropped and counted', async () => {
    const directory = await temporaryDirectory();
    const writer = await killedWriter(directory, 1e9);
    const [journal] = await readdir(join(directory, 'journal'));
    await appendFile(join(directory, 'journal', journal as string), '{"type":"trade","exchange":"bybit","market":"lin');
    expect([...(await storedIds(directory))].sort()).toEqual(expect.arrayContaining([...writer.printed].sort()));
    const warnings: string[] = [];
    const next = await openStoreWriter(directory, { step: 'next', onWarning: (message) => warnings.push(message) });
    const report = await next.close();
    expect(report).toMatchObject({ broken: 1, recovered: (await storedIds(directory)).size });
    expect(warnings).toEqual([expect.stringContaining('1 broken line')]);
  });

  it('leaves its symbols free', async () => {
    const directory = await temporaryDirectory();
    const claims = [{ exchange: 'bybit', market: 'linear', channel: 'trade', symbols: 'all' }] as const;
    const writer = startWriter(directory, { claims });
    await writer.ready;
    await expect(openStoreWriter(directory, { step: 'stream', claims })).rejects.toMatchObject({ exitCode: 2 });
    writer.process.kill('SIGKILL');
    await writer.ended;
    await (await openStoreWriter(directory, { step: 'stream', claims })).close();
  });
});

describe('a writer that is suspended', () => {
  it('notices that its journal was adopted and loses nothing it has acknowledged', async () => {
    const directory = await temporaryDirectory();
    const writer = startWriter(directory, { records: 4000, pauseMs: 5 });
    await written(writer);
    writer.process.kill('SIGSTOP');
    await sleep(150);
    // It cannot be asked and has been silent for longer than is allowed here.
    const adopter = await openStoreWriter(directory, { step: 'adopter', silenceLimitMs: 100 });
    expect((await adopter.close()).recovered).toBeGreaterThan(0);
    writer.process.kill('SIGCONT');
    expect(await writer.ended).toBe(0);
    expect(writer.stderr()).toMatch(/taken over/);
    expect(writer.printed).toHaveLength(4000);
    expect(await storedIds(directory)).toEqual(new Set(writer.printed));
  });

  it('ends with a clear error when another has begun to capture the same meanwhile', async () => {
    const directory = await temporaryDirectory();
    const claims = [{ exchange: 'bybit', market: 'linear', channel: 'trade', symbols: ['BTCUSDT'] }];
    const writer = startWriter(directory, { claims, pauseMs: 5 });
    await written(writer);
    writer.process.kill('SIGSTOP');
    await sleep(150);
    const second = await openStoreWriter(directory, { step: 'stream', claims, silenceLimitMs: 100 });
    writer.process.kill('SIGCONT');
    expect(await writer.ended).toBe(1);
    expect(writer.stderr()).toMatch(/bybit linear trade BTCUSDT is already being captured by "stream"/);
    await second.close();
    const stored = await storedIds(directory);
    for (const id of writer.printed) expect(stored).toContain(id);
  });
});

describe('recovery', () => {
  it('gives an orphan to exactly one of several that come at the same time', async () => {
    const directory = await temporaryDirectory();
    await killedWriter(directory);
    const next = await Promise.all(Array.from({ length: 4 }, () => openStoreWriter(directory, { step: 'next' })));
    const reports = await Promise.all(next.map((one) => one.close()));
    const stored = await storedIds(directory);
    expect(reports.map(({ recovered }) => recovered).sort((a, b) => a - b)).toEqual([0, 0, 0, stored.size]);
  });

  it('removes what an interrupted seal left of the same journal, but no older file and none of another', async () => {
    const directory = await temporaryDirectory();
    await killedWriter(directory);
    const [journal = ''] = await readdir(join(directory, 'journal'));
    const segment = /\d{8}T\w+-\d+/.exec(journal)?.[0];
    const partition = join(directory, 'trade/exchange=bybit/market=linear/date=2026-11-20');
    await mkdir(partition, { recursive: true });
    const left = [`${segment}.aaaaaa.parquet`, `${segment}.bbbbbb.parquet`, `${segment}1.cccccc.parquet`];
    for (const name of left) await writeFile(join(partition, name), 'PAR1');
    const silent = (Date.now() - 6 * 60_000) / 1000;
    await utimes(join(partition, left[1] as string), silent, silent);
    expect((await (await openStoreWriter(directory, { step: 'next' })).close()).recovered).toBeGreaterThan(0);
    const names = await readdir(partition);
    expect(names).toHaveLength(3);
    expect(left.filter((name) => names.includes(name))).toEqual(left.slice(1));
  });

  it('seals no journal that a faster process has sealed, deleted and forgotten meanwhile', async () => {
    const directory = await temporaryDirectory();
    const { printed } = await killedWriter(directory);
    const fast = openStoreContext(storePaths(directory));
    const [journal] = await listJournals(fast.paths.journal);
    const job = { journal: journal as JournalEntry };
    const log = {
      read: () => fast.log.read(),
      // It has written its files by now, and has removed nothing yet.
      async commit(decide: Parameters<CommitLog['commit']>[0]) {
        expect((await sealSegment(fast, job)).sealed).toBe(true);
        await rm(job.journal.path);
        await fast.log.commit(() => ({ at: START, discard: [job.journal.segment] }));
        return await fast.log.commit(decide);
      },
    };
    const report = await sealSegment({ ...fast, log: log as unknown as CommitLog }, job);
    expect(report.sealed).toBe(false);
    const names = (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.parquet'));
    expect(names).toEqual([...(await fast.log.read()).files.keys()]);
    expect([...(await storedIds(directory))]).toEqual(expect.arrayContaining(printed));
  });

  it('leaves the journal of a living writer alone', async () => {
    const directory = await temporaryDirectory();
    const living = await openStoreWriter(directory, { step: 'living' });
    await living.write(trades(0, 10));
    expect(await writeRun(directory, trades(10, 20))).toMatchObject({ recovered: 0 });
    await living.write(trades(20, 30));
    await living.close();
    expect(await rowsOf(directory, 'SELECT count(*) FROM trade')).toEqual([[30]]);
  });
});
