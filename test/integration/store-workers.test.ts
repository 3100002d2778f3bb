import { spawnSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CandleJob } from '../../src/lib/candles/store/candle-job.js';
import { runCandleJob } from '../../src/lib/candles/store/candle-work.js';
import type { FeatureJob } from '../../src/lib/features/store/feature-job.js';
import { runFeatureJob } from '../../src/lib/features/store/feature-work.js';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord } from '../../src/lib/model/records.js';
import { DAY } from '../../src/lib/model/time.js';
import { JobQueue, type QueuedJob, WORK_QUEUE } from '../../src/lib/redis/job-queue.js';
import { JobWorker } from '../../src/lib/redis/job-worker.js';
import { readPlain } from '../../src/lib/redis/plain-data.js';
import { readStore } from '../../src/lib/storage/reading/store-reader.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { writeRun } from '../lib/storage/support.js';
import { differences } from '../support/growing-features.js';
import { isInstalled } from '../support/installed.js';
import { finished, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { featureDays, featureInputs, makeWorkerStore } from '../support/worker-store.js';
import { WorkerTrial } from '../support/worker-trial.js';

/** Seven minutes go over midnight, a week over both days. */
const INTERVALS = '7m,1w';

/** What a run of `features` said, and the rows of its store. */
type Made = { readonly facts: object; readonly lines: readonly string[] };

describe.skipIf(!isInstalled('redis-server', 'tests of workers'))('steps over a store on workers', () => {
  let trial: WorkerTrial;
  let store: string;
  beforeAll(async () => {
    trial = await WorkerTrial.start(0);
    store = await makeWorkerStore(trial.directory, 'store');
  }, 30_000);
  afterAll(() => trial.close());

  const connection = () => ({ url: trial.redis.url, flag: '--queue', onTrouble() {} });
  const candles = (name: string, ...args: string[]) => {
    const output = ['-o', join(trial.directory, `${name}.ndjson`), '--force', '--quiet'];
    return ['candles', '--store', store, '--interval', INTERVALS, ...output, ...args];
  };
  const remote = (name: string, ...args: string[]) => candles(name, ...args, '--workers', trial.redis.url);
  const local = async (...args: string[]) => {
    expect(await mdtoolHere(candles('local', ...args))).toMatchObject({ code: 0 });
    return trial.rows('local');
  };
  /** A worker in this process, whose jobs the test does. */
  const workHere = async (run: (job: QueuedJob) => Promise<unknown>) =>
    await JobWorker.open({ connection: connection(), queue: WORK_QUEUE, name: 'here', concurrency: 1, lock: 30_000, run });

  const features = (name: string, ...args: string[]) => {
    return ['features', '--store', join(trial.directory, name), '--window', 'delta_z=60s,ofi=20s', '--json', ...args];
  };
  const onWorkers = (name: string) => features(name, '--workers', trial.redis.url);
  const stored = async (name: string) => {
    const lines: string[] = [];
    for await (const batch of readStore(join(trial.directory, name), { types: ['micro', 'features'] }))
      lines.push(...batch.map(encodeRecord));
    return lines.sort();
  };
  const made = async (name: string, command: readonly string[]) => {
    const { stdout, ...end } = await mdtoolHere(command);
    expect(end).toMatchObject({ code: 0 });
    const { records, inputs, warm_rows } = JSON.parse(stdout);
    return { facts: { records, inputs, warm_rows }, lines: await stored(name) };
  };
  const expectSame = (made: Made, expected: Made) => {
    expect(made.facts).toEqual(expected.facts);
    expect(differences(made.lines, expected.lines)).toEqual([]);
  };

  it('refuses what cannot be divided, and input that workers do not read', async () => {
    for (const [args, reason] of [
      [['--open', 'previous-close'], 'with --open previous-close each candle follows from the one before it'],
      [['--empty', 'flat'], 'with --empty flat each candle follows'],
      [['--source', 'exchange'], 'workers build candles from trades'],
      [['trades.ndjson'], 'workers read a store; leave INPUT out'],
    ] as const)
      expect(await mdtoolHere(remote('refused', ...args))).toMatchObject({ code: 2, stderr: expect.stringContaining(reason) });
  });

  it('adds jobs again that a Redis has lost, and leaves the work here for a number of threads', async () => {
    let runs = 0;
    const worker = await workHere(async (job) => {
      runs += 1;
      if (runs === 2) spawnSync('redis-cli', ['-p', `${trial.redis.port}`, 'flushall']);
      return await runCandleJob(readPlain(job) as CandleJob, store);
    });
    expect(await mdtoolHere(remote('lost', '--exchange', 'bybit'))).toMatchObject({ code: 0 });
    await worker.close();
    expect(runs).toBeGreaterThan(4);
    expect(trial.rows('lost')).toBe(await local('--exchange', 'bybit', '--workers', '2'));
  }, 60_000);

  it('writes nothing when a worker has other trades', async () => {
    const other = await makeWorkerStore(trial.directory, 'other', 4);
    const worker = await workHere((job) => runCandleJob(readPlain(job) as CandleJob, other));
    const run = await mdtoolHere(remote('other'));
    await worker.close();
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/--workers: \w+ \w+ \w+, \d days: .*other has other trades/),
    });
    expect(existsSync(join(trial.directory, 'other.ndjson'))).toBe(false);
  });

  it('goes on after Ctrl-C with what was done', async () => {
    const runs: string[] = [];
    let hold = true;
    const worker = await workHere(async (job) => {
      runs.push(job.id);
      if (runs.length > 1 && hold) await expect.poll(() => hold, { timeout: 20_000, interval: 5 }).toBe(false);
      return await runCandleJob(readPlain(job) as CandleJob, store);
    });
    const stopped = start(remote('stopped'));
    await expect.poll(() => worker.counts.done, { timeout: 20_000, interval: 5 }).toBe(1);
    stopped.kill('SIGINT');
    const end = await finished(stopped);
    expect(end).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/stopped: the rows of these jobs are not written/),
    });
    expect(existsSync(join(trial.directory, 'stopped.ndjson'))).toBe(false);
    hold = false;
    expect(await mdtoolHere(remote('stopped'))).toMatchObject({ code: 0 });
    await worker.close();
    expect(trial.rows('stopped')).toBe(await local());
    expect(new Set(runs).size).toBe(runs.length);
  }, 60_000);

  describe('features of more days than Redis has room for', () => {
    let local: Made;
    beforeAll(async () => {
      await writeRun(join(trial.directory, 'days'), featureDays());
      for (const name of ['days-killed', 'days-stopped'])
        cpSync(join(trial.directory, 'days'), join(trial.directory, name), { recursive: true });
      local = await made('days', features('days'));
    }, 60_000);

    it('go on after Ctrl-C with the days and the jobs that were done', async () => {
      const runs: string[] = [];
      let hold = true;
      const directory = join(trial.directory, 'days-stopped');
      const worker = await workHere(async (job) => {
        runs.push(job.id);
        if (runs.length > 3 && hold) await expect.poll(() => hold, { timeout: 60_000, interval: 5 }).toBe(false);
        return await runFeatureJob(readPlain(job) as FeatureJob, directory);
      });
      const stopped = start(onWorkers('days-stopped'));
      await expect.poll(() => runs.length, { timeout: 60_000, interval: 5 }).toBe(4);
      stopped.kill('SIGINT');
      expect(await finished(stopped)).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('stopped: the rows of these jobs'),
      });
      const rows = await stored('days-stopped');
      hold = false;
      expect(differences((await made('days-stopped', onWorkers('days-stopped'))).lines, local.lines)).toEqual([]);
      await worker.close();
      expect(new Set(runs).size).toBe(4);
      expect(runs).toHaveLength(4);
      expect(
        differences(
          rows,
          local.lines.filter((line) => rows.includes(line)),
        ),
      ).toEqual([]);
      expect(rows.length).toBeGreaterThan(500);
    }, 120_000);

    it('are made here where records are in a journal, and on workers before', async () => {
      const border = Math.max(...featureDays().map(({ timestamp }) => timestamp)) - DAY;
      const directory = join(trial.directory, 'days-open');
      await writeRun(
        directory,
        featureDays().filter(({ timestamp }) => timestamp < border),
      );
      const writer = await openStoreWriter(directory, { step: 'test' });
      await writer.write(featureDays().filter(({ timestamp }) => timestamp >= border));
      const worker = await workHere(async (job) => await runFeatureJob(readPlain(job) as FeatureJob, directory));
      // Rows of both symbols go on within the same hour: those of one are made from the other's last row on, some twice.
      expect(differences((await made('days-open', onWorkers('days-open'))).lines, local.lines)).toEqual([]);
      expect(worker.counts.done).toBe(4);
      await worker.close();
      await writer.close();
    }, 120_000);

    it('are those of a local run, with a killed worker', async () => {
      expect(local.lines.length).toBeGreaterThan(1_000);
      const [dying, queue] = [await trial.startWorker(), await JobQueue.open(connection())];
      const run = made('days-killed', onWorkers('days-killed'));
      await expect.poll(async () => (await queue.running()).length, { timeout: 60_000, interval: 2 }).toBeGreaterThan(0);
      dying.kill('SIGKILL');
      const other = await trial.startWorker();
      expectSame(await run, local);
      other.kill('SIGKILL');
      await queue.close();
    }, 120_000);
  });

  it('gives the candles of a local run, byte for byte, with a killed worker', async () => {
    const selection = ['--since', '2026-11-19T05:30:07Z', '--until', '2026-11-20T20:59:59Z'];
    const [dying, queue] = [await trial.startWorker(), await JobQueue.open(connection())];
    const run = mdtoolHere(remote('killed', ...selection));
    await expect.poll(async () => (await queue.running()).length, { timeout: 20_000, interval: 2 }).toBeGreaterThan(0);
    dying.kill('SIGKILL');
    await trial.startWorker('--concurrency', '2');
    expect(await run).toMatchObject({ code: 0 });
    await queue.close();
    expect(trial.rows('killed')).toBe(await local(...selection));
    expect(trial.rows('killed')).toContain('"complete":false');
    const chosen = ['--symbols', 'ETHUSDT', '--exchange', 'bybit'];
    expect(await mdtoolHere(remote('chosen', ...chosen))).toMatchObject({ code: 0 });
    expect(trial.rows('chosen')).toBe(await local(...chosen));
  }, 60_000);

  it('brings a store up to date as a local run does', async () => {
    const rows = async (name: string, ...args: string[]) => {
      const copy = join(trial.directory, name);
      cpSync(store, copy, { recursive: true });
      const command = ['candles', '--store', copy, '--interval', INTERVALS, '--market', 'linear', '--json', ...args];
      const first = JSON.parse((await mdtoolHere(command)).stdout);
      const { stdout } = await mdtoolHere(['query', '--store', copy, 'select * from candle order by all', '--format', 'ndjson']);
      return { stdout, records: first.records, days: first.days_changed };
    };
    const [here, there] = [await rows('here'), await rows('there', '--workers', trial.redis.url)];
    expect(there).toEqual(here);
    expect(here.stdout.split('\n').length).toBeGreaterThan(300);
  }, 60_000);

  it('brings the rows of features up to date as a local run does, also from earlier rows on', async () => {
    const writeBoth = async (records: readonly AnyRecord[]) => {
      for (const name of ['rows-here', 'rows-there']) await writeRun(join(trial.directory, name), records);
    };
    const [first, second] = featureInputs();
    await writeBoth(first);
    const here = await made('rows-here', features('rows-here'));
    expectSame(await made('rows-there', onWorkers('rows-there')), here);
    expect(here.lines.length).toBeGreaterThan(1_000);
    await writeBoth(second);
    const later = await made('rows-here', features('rows-here'));
    expectSame(await made('rows-there', onWorkers('rows-there')), later);
    expect(later.lines.length).toBeGreaterThan(here.lines.length + 200);
  }, 60_000);

  it('refuses features that workers cannot make as a local run does', async () => {
    const refused = async (reason: string, ...args: string[]) => {
      const run = await mdtoolHere(['features', ...args, '--store', store, '--workers', trial.redis.url]);
      expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining(reason) });
    };
    await refused('rows beside a store follow from all symbols in turn', '-o', '-');
    await refused('workers read a store; leave INPUT out', 'micro.ndjson');
    await refused('workers have no features of your own', '--feature', 'examples/flow-balance.js');
  });
});
