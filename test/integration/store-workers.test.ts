import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CandleJob } from '../../src/lib/candles/store/candle-job.js';
import { runCandleJob } from '../../src/lib/candles/store/candle-work.js';
import { JobQueue, type QueuedJob, WORK_QUEUE } from '../../src/lib/redis/job-queue.js';
import { JobWorker } from '../../src/lib/redis/job-worker.js';
import { readPlain } from '../../src/lib/redis/plain-data.js';
import { isInstalled } from '../support/installed.js';
import { finished, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { makeWorkerStore } from '../support/worker-store.js';
import { WorkerTrial } from '../support/worker-trial.js';

/** Seven minutes go over midnight, a week over both days. */
const INTERVALS = '7m,1w';

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

  it('refuses what cannot be divided, and input that workers do not read', async () => {
    for (const [args, reason] of [
      [['--open', 'previous-close'], 'with --open previous-close each candle follows from the one before it'],
      [['--empty', 'flat'], 'with --empty flat each candle follows'],
      [['--source', 'exchange'], 'workers build candles from trades'],
      [['trades.ndjson'], 'workers read a store; leave INPUT out'],
    ] as const)
      expect(await mdtoolHere(remote('refused', ...args))).toMatchObject({ code: 2, stderr: expect.stringContaining(reason) });
  });

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
      stderr: expect.stringMatching(/stopped: nothing is written/),
    });
    expect(existsSync(join(trial.directory, 'stopped.ndjson'))).toBe(false);
    hold = false;
    expect(await mdtoolHere(remote('stopped'))).toMatchObject({ code: 0 });
    await worker.close();
    expect(trial.rows('stopped')).toBe(await local());
    expect(new Set(runs).size).toBe(runs.length);
  }, 30_000);

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
  }, 30_000);

  it('brings a store up to date as a local run does', async () => {
    const rows = async (name: string, ...args: string[]) => {
      const copy = join(trial.directory, name);
      cpSync(store, copy, { recursive: true });
      const command = ['candles', '--store', copy, '--interval', INTERVALS, '--exchange', 'bybit', '--json', ...args];
      const first = JSON.parse((await mdtoolHere(command)).stdout);
      expect(JSON.parse((await mdtoolHere(command)).stdout)).toMatchObject({ exit_code: 0, days_changed: 0 });
      const { stdout } = await mdtoolHere(['query', '--store', copy, 'select * from candle order by all', '--format', 'ndjson']);
      return { stdout, records: first.records, days: first.days_changed };
    };
    const [here, there] = [await rows('here'), await rows('there', '--workers', trial.redis.url)];
    expect(there).toEqual(here);
    expect(here.stdout.split('\n').length).toBeGreaterThan(400);
  }, 30_000);
});
