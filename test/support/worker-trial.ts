import { type ChildProcess, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mdtool, start } from './mdtool.js';
import { mdtoolHere } from './mdtool-here.js';
import { seeded } from './random.js';
import { RedisServer } from './redis-server.js';

/** What happens during a sweep over workers. */
export type Fault = 'killed worker' | 'killed Redis' | 'frozen Redis';

/** A strategy that sleeps, so that a fault hits it; a size of 13 ends its thread. */
const MODULE = `import { isMainThread } from 'node:worker_threads';
export const parameters = { size: 1, sleep: 30 };
export function exposure(bars, { size, sleep }) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, sleep);
  if (size === 13 && !isMainThread) process.exit(1);
  return Float64Array.from(bars.time, (_, index) => (index % 7 < 3 ? size / 20 : 0));
}
`;
const LOCK = 1_000;

/** Two workers on a real Redis, and sweeps over them. */
export class WorkerTrial {
  readonly directory = mkdtempSync(join(tmpdir(), 'mdtool-workers-'));
  readonly redis: RedisServer;
  readonly #workers: ChildProcess[] = [];
  #local: Promise<unknown> | undefined;

  private constructor(redis: RedisServer) {
    this.redis = redis;
    mkdirSync(join(this.directory, 'modules'));
    writeFileSync(join(this.directory, 'modules', 'sleepy.js'), MODULE);
    writeFileSync(join(this.directory, 'package.json'), '{"type":"module"}');
    writeFileSync(join(this.directory, 'candles.ndjson'), candles(600));
  }

  static async start(workers = 2): Promise<WorkerTrial> {
    const trial = new WorkerTrial(await RedisServer.start({ appendOnly: true }));
    await Promise.all(Array.from({ length: workers }, () => trial.startWorker()));
    return trial;
  }

  /** Starts a worker and waits until it takes jobs. */
  async startWorker(...args: string[]): Promise<ChildProcess> {
    const base = ['worker', '--queue', this.redis.url, '--lock', `${LOCK}ms`, '--allow-modules', join(this.directory, 'modules')];
    const worker = start([...base, ...args]);
    this.#workers.push(worker);
    // A reader that stops would close the pipe, and the worker's next line would end it.
    await new Promise<void>((resolve) => {
      worker.stderr?.on('data', (text) => String(text).includes('waiting for jobs') && resolve());
      worker.once('exit', () => resolve());
    });
    return worker;
  }

  /** Command line of a sweep; its rows go into a file. */
  sweep(name: string, ...args: string[]): string[] {
    const input = ['backtest', join(this.directory, 'candles.ndjson'), '--gaps', 'ignore', '--tick-size', '0.1', '--quiet'];
    return [...input, '-o', join(this.directory, `${name}.ndjson`), '--force', ...args];
  }

  module(sizes: string, ...args: string[]): string[] {
    return ['--strategy', join(this.directory, 'modules', 'sleepy.js'), '--sweep', `size=${sizes}`, ...args];
  }

  rows(name: string): string {
    return readFileSync(join(this.directory, `${name}.ndjson`), 'utf8');
  }

  /** Plays one sweep of 23 sizes with a fault in its middle. Returns its exit code and whether the rows are those of a local one. */
  async play(fault: Fault, seed: number): Promise<{ code: number | null; isSame: boolean; stderr: string }> {
    const random = seeded(seed);
    const command = this.module('1:12:0.5', '--param', 'sleep=60');
    this.#local ??= mdtoolHere(this.sweep('local-faults', ...command));
    await this.#local;
    // Results of an earlier sweep would be taken from Redis.
    spawnSync('redis-cli', ['-p', `${this.redis.port}`, 'flushall']);
    const remote = mdtool(this.sweep('remote', ...command, '--workers', this.redis.url));
    // A fault before the first job runs would hit the start of the command, which rightly refuses a Redis that is gone.
    for (let ended = false; !ended && !this.#isWorking(); ) ended = await Promise.race([sleep(20), remote.then(() => true)]);
    await sleep(random() * 500);
    await this.#happen(fault, random());
    const { code, stderr } = await remote;
    return { code, stderr, isSame: this.rows('remote') === this.rows('local-faults') };
  }

  #isWorking(): boolean {
    return Number(spawnSync('redis-cli', ['-p', `${this.redis.port}`, '--raw', 'llen', 'mdtool:work:active']).stdout) > 0;
  }

  async #happen(fault: Fault, random: number): Promise<void> {
    if (fault === 'killed worker') {
      this.#workers.splice(Math.floor(random * this.#workers.length), 1)[0]?.kill('SIGKILL');
      await this.startWorker();
    } else if (fault === 'killed Redis') {
      await this.redis.kill();
      await sleep(random * 500);
      await this.redis.restart();
    } else {
      this.redis.freeze();
      await sleep(LOCK * (1 + random));
      this.redis.thaw();
    }
  }

  async close(): Promise<void> {
    for (const worker of this.#workers) worker.kill('SIGKILL');
    await this.redis.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function candles(count: number): string {
  const random = seeded(7);
  let price = 30_000;
  const lines = Array.from({ length: count }, (_, index) => {
    const open = price;
    price = Math.round((price + (random() - 0.5) * 60) * 10) / 10;
    const time = (Date.UTC(2026, 0, 1) + index * 60_000) * 1000;
    const place = {
      exchange: 'bybit',
      market: 'linear',
      symbol: 'BTCUSDT',
      timestamp: time,
      local_timestamp: time,
      interval: '1m',
    };
    return {
      type: 'candle',
      ...place,
      open,
      high: Math.max(open, price) + 5,
      low: Math.min(open, price) - 5,
      close: price,
      volume: 10,
      source: 'exchange',
      closed: true,
    };
  });
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

function sleep(milliseconds: number): Promise<false> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, false));
}
