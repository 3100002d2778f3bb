import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JobQueue } from '../../src/lib/redis/job-queue.js';
import { JobWorker } from '../../src/lib/redis/job-worker.js';
import { decodePlain, encodePlain } from '../../src/lib/redis/plain-data.js';
import { isInstalled } from '../support/installed.js';
import { finished, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { type Fault, WorkerTrial } from '../support/worker-trial.js';

const hasRedis = isInstalled('redis-server', 'tests of workers');

describe.skipIf(!hasRedis)('sweeps over workers', () => {
  let trial: WorkerTrial;
  beforeAll(async () => {
    trial = await WorkerTrial.start();
  }, 30_000);
  afterAll(() => trial.close());

  const both = async (...strategy: string[]) => {
    const local = await mdtoolHere(trial.sweep('local', ...strategy));
    const remote = await mdtoolHere(trial.sweep('remote', ...strategy, '--workers', trial.redis.url));
    return { local, remote };
  };

  it('gives the rows of a local sweep, byte for byte', async () => {
    const grid = ['--strategy', 'grid', '--leverage', '3', '--coverage', '12%', '--lot-size', '0.0001'];
    const { local, remote } = await both(...grid, '--sweep', 'levels=4:7:1', '--sweep', 'multiplier=1.1:1.3:0.1');
    expect(remote).toEqual(local);
    expect(trial.rows('remote')).toBe(trial.rows('local'));
    expect(trial.rows('local').match(/"type":"run"/g)).toHaveLength(24);
  });

  it('chooses on windows as a local sweep does', async () => {
    await both(...trial.module('1:4:1', '--walk-forward', '4h/2h', '--param', 'sleep=0'));
    expect(trial.rows('remote')).toBe(trial.rows('local'));
    expect(trial.rows('local')).toContain('out-of-sample');
  });

  it.each<[Fault, number]>([
    ['killed worker', 11],
    ['killed Redis', 12],
    ['frozen Redis', 13],
  ])(
    'gives the same rows with a %s',
    async (fault, seed) => {
      expect(await trial.play(fault, seed)).toEqual({ code: 0, isSame: true, stderr: expect.any(String) });
    },
    60_000,
  );

  it('ends with 3 for what kills its thread, and runs the rest', async () => {
    const { local, remote } = await both(...trial.module('11:14:0.5', '--param', 'sleep=1'));
    expect(local.code).toBe(0);
    expect(remote).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/2 of 14 runs were not made: the thread of the job exited/),
    });
    const sizes = (text: string) => [...text.matchAll(/"size":([\d.]+)/g)].map(([, size]) => size);
    expect(sizes(trial.rows('remote'))).toEqual(sizes(trial.rows('local')).filter((size) => size !== '13'));
  });

  it('ends with 3 for a strategy whose content no worker has', async () => {
    const other = join(trial.directory, 'other.js');
    writeFileSync(other, `${readFileSync(join(trial.directory, 'modules', 'sleepy.js'), 'utf8')}// changed\n`);
    const run = await mdtoolHere(
      trial.sweep('remote', '--strategy', other, '--sweep', 'size=1:2:1', '--param', 'sleep=0', '--workers', trial.redis.url),
    );
    expect(run).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/refused by \S+: .*other\.js: no file in .*modules has this content/),
    });
  });

  it('goes on after Ctrl-C with what was done', async () => {
    const log = join(trial.directory, 'log');
    const command = trial.module('1:12:1', '--param', 'sleep=150', '--resume', log);
    const stopped = start(trial.sweep('remote', ...command, '--workers', trial.redis.url));
    const known = () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0);
    await expect.poll(known, { timeout: 20_000, interval: 10 }).toBeGreaterThan(0);
    stopped.kill('SIGINT');
    expect(await finished(stopped)).toMatchObject({ code: 0 });
    expect(known()).toBeLessThan(24);
    await both(...command);
    expect(trial.rows('remote')).toBe(trial.rows('local'));
    expect(trial.rows('remote').match(/"type":"run"/g)).toHaveLength(24);
  }, 30_000);

  it('takes a job that outlives its lock once', async () => {
    const run = await mdtoolHere(
      trial.sweep('remote', ...trial.module('1:2:1', '--param', 'sleep=1300'), '--workers', trial.redis.url),
    );
    expect(run).toMatchObject({ code: 0 });
    await mdtoolHere(trial.sweep('local', ...trial.module('1:2:1', '--param', 'sleep=0')));
    const hashes = (name: string) => trial.rows(name).match(/"fills_hash":"\w+"/g);
    expect(hashes('remote')).toEqual(hashes('local'));
  }, 30_000);

  it('refuses jobs of another version and other data', async () => {
    const queue = await JobQueue.open({ url: trial.redis.url, flag: '--queue', onTrouble: () => {} });
    const source = { paths: [join(trial.directory, 'candles.ndjson')], directory: '', signals: false, books: false };
    const job = {
      source,
      base: '/',
      series: { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT' },
      fingerprint: '0',
      notes: [],
      tasks: [],
    };
    const version = JSON.parse(readFileSync('package.json', 'utf8')).version as string;
    const jobs = [
      { ...job, version: '0.0.0' },
      { ...job, version },
      { ...job, version, series: { ...job.series, symbol: 'ETHUSDT' } },
    ].map((body, index) => ({ id: `refused${index}`, kind: 'sweep', data: { body: encodePlain(body) } }));
    await queue.add([...jobs, { id: 'unknown', kind: 'dance', data: {} }]);
    await expect
      .poll(() => Promise.all([...jobs.map(({ id }) => id), 'unknown'].map((id) => queue.outcome(id))), { timeout: 10_000 })
      .toMatchObject([
        { reason: expect.stringMatching(/mdtool here is .*, that of the sender 0\.0\.0/) },
        { reason: expect.stringMatching(/has other data of bybit linear BTCUSDT than the sweep/) },
        { reason: expect.stringMatching(/bybit linear ETHUSDT/) },
        { reason: expect.stringMatching(/unknown kind of job "dance"/) },
      ]);
    await queue.close();
  });

  it('shows its workers, and refuses stdin and a Redis that is not there', async () => {
    const status = await mdtoolHere(['worker', '--queue', trial.redis.url, '--status']);
    expect(status).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^2 workers, 0 jobs running, 0 waiting, \d+ failed\n/),
    });
    const stdin = await mdtoolHere(['backtest', '-', ...trial.module('1:2:1'), '--workers', trial.redis.url]);
    expect(stdin).toMatchObject({ code: 2, stderr: expect.stringContaining('workers cannot read stdin') });
    const gone = await mdtoolHere(trial.sweep('remote', ...trial.module('1:2:1'), '--workers', 'redis://me:secret@127.0.0.1:1'));
    expect(gone).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/--workers redis:\/\/127\.0\.0\.1:1\/?: cannot connect to Redis/),
    });
    expect(gone.stderr).not.toContain('secret');
  });

  it('ends a worker that is closed at once, which is stopped while it starts', async () => {
    const connection = { url: trial.redis.url, flag: '--queue', onTrouble: () => {} };
    const options = { connection, queue: 'closed', name: 'closed', concurrency: 1, lock: 30_000, run: async () => undefined };
    for (let times = 0; times < 5; times++) await (await JobWorker.open(options)).close();
  }, 10_000);

  it('ends a worker by its first signal when its job is done, by its second at once', async () => {
    const ended = (worker: ChildProcess) => new Promise((resolve) => worker.once('exit', resolve));
    const idle = await trial.startWorker();
    idle.kill('SIGTERM');
    expect(await ended(idle)).toBe(0);
    const busy = await trial.startWorker('--concurrency', '16');
    const sweep = mdtoolHere(
      trial.sweep('remote', ...trial.module('1:5:1', '--param', 'sleep=700'), '--workers', trial.redis.url),
    );
    const queue = await JobQueue.open({ url: trial.redis.url, flag: '--queue', onTrouble: () => {} });
    const isBusy = async () => (await queue.running()).some(({ worker }) => worker.endsWith(`/${busy.pid}`));
    await expect.poll(isBusy, { timeout: 20_000, interval: 20 }).toBe(true);
    await queue.close();
    busy.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 300));
    busy.kill('SIGTERM');
    expect(await ended(busy)).toBe(130);
    expect(await sweep).toMatchObject({ code: 0 });
  }, 60_000);
});

describe('plain data', () => {
  it('arrives as it was, where JSON would change it', () => {
    const data = { b: undefined, a: [Number.NaN, Infinity, -Infinity, -0, 0, null, 'text'], c: { d: undefined } };
    const again = decodePlain(encodePlain(data)) as typeof data;
    expect(again).toStrictEqual(data);
    expect(Object.keys(again)).toEqual(['b', 'a', 'c']);
    expect(Object.is(again.a[3], -0)).toBe(true);
  });
});
