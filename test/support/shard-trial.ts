import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readStatus, statusLines } from '../../src/commands/worker/status.js';
import { type ExchangeServer, startExchangeServer } from './exchange-server/index.js';
import { type Finished, finished, start } from './mdtool.js';
import { mdtoolHere } from './mdtool-here.js';
import { seeded } from './random.js';
import { RedisServer } from './redis-server.js';

const LOCK = 2_000;
const SHARDS = 2;

/** What a capture that was played through faults ends with. */
type FailOver = {
  /** Verdicts of `verify` by their number. */
  readonly verdicts: Readonly<Record<string, number>>;
  readonly trades: number;
  readonly distinct: number;
  /** Milliseconds from a kill until another process holds both shards. */
  readonly takeOvers: readonly number[];
  readonly code: number | null;
};

/** A capture of two shards by two processes, on a local exchange and a real Redis. */
export class ShardTrial {
  readonly #directory = mkdtempSync(join(tmpdir(), 'mdtool-shards-'));
  readonly #redis: RedisServer;
  readonly #exchange: ExchangeServer;

  private constructor(redis: RedisServer, exchange: ExchangeServer) {
    this.#redis = redis;
    this.#exchange = exchange;
  }

  static async open(): Promise<ShardTrial> {
    const exchange = await startExchangeServer('bybit', { symbols: { linear: 6 }, rate: 30 });
    return new ShardTrial(await RedisServer.start(), exchange);
  }

  /** URL of the Redis that holds the leases. */
  get redis(): string {
    return this.#redis.url;
  }

  /** Plays one capture: the holder is killed or Redis is frozen as often as `faults` says, by a seed. */
  async play(seed: number, faults: readonly ('kill' | 'freeze')[]): Promise<FailOver> {
    const random = seeded(seed);
    const store = join(this.#directory, `${seed}`);
    let holder = new Holder(store, this.#redis.url, this.#exchange.environment);
    await this.#heldBy(holder);
    await connected([holder]);
    let standby = new Holder(store, this.#redis.url, this.#exchange.environment);
    await this.#shows(/: 2 processes, /);
    const takeOvers: number[] = [];
    for (const fault of faults) {
      await sleep(1_000 + random() * 1_500);
      if (fault === 'freeze') {
        for (const process of [holder, standby]) process.forget();
        this.#redis.freeze();
        await sleep(LOCK * (1.5 + random()));
        this.#redis.thaw();
        await connected([holder, standby]);
        continue;
      }
      // Nothing is forgotten here: a busy machine may have moved a shard to the standby already, which does not connect again.
      const killed = performance.now();
      holder.child.kill('SIGKILL');
      await this.#heldBy(standby);
      takeOvers.push(performance.now() - killed);
      await connected([standby]);
      holder = standby;
      standby = new Holder(store, this.#redis.url, this.#exchange.environment);
    }
    await sleep(2_000);
    const codes = await Promise.all([holder, standby].map((process) => process.stop()));
    return { ...(await this.#judge(store)), takeOvers, code: codes.find((code) => code !== 0) ?? 0 };
  }

  /** Waits until a process holds all shards. */
  async #heldBy({ child }: Holder): Promise<void> {
    await this.#shows(new RegExp(`(?:^  \\S+/${child.pid}  shard \\d/\\d .*\\n){${SHARDS}}`, 'm'));
  }

  async #shows(expected: RegExp): Promise<void> {
    const end = performance.now() + 60_000;
    const connection = { url: this.#redis.url, flag: '--queue', onTrouble() {} };
    for (let shown = ''; !expected.test(shown); await sleep(250)) {
      if (performance.now() > end) throw new Error(`worker --status never showed ${expected}`);
      // What the command shows; a command line each time would take more than the captures do.
      shown = statusLines(await readStatus(connection).catch(() => []))
        .map((line) => `${line}\n`)
        .join('');
    }
    const { stdout } = await mdtoolHere(['worker', '--queue', this.#redis.url, '--status']);
    if (!/^capture of .*: \d process/m.test(stdout)) throw new Error(`worker --status shows no capture: ${stdout}`);
  }

  async #judge(store: string): Promise<Pick<FailOver, 'verdicts' | 'trades' | 'distinct'>> {
    const { stdout } = await mdtoolHere(['verify', '--store', store, '--format', 'ndjson', '--quiet', '-o', '-']);
    const verdicts: Record<string, number> = {};
    for (const [, verdict = ''] of stdout.matchAll(/"verdict":"(\w+)"/g)) verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
    const sql = 'SELECT count(*) AS trades, count(DISTINCT (symbol, id)) AS "distinct" FROM trade';
    const answer = await mdtoolHere(['query', sql, '--store', store, '--format', 'ndjson', '--quiet']);
    return { verdicts, ...(JSON.parse(answer.stdout) as { trades: number; distinct: number }) };
  }

  async close(): Promise<void> {
    await this.#redis.close();
    await this.#exchange.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** A process that leases shards. */
class Holder {
  readonly child: ChildProcess;
  #text = '';
  readonly #ended: Promise<Finished>;

  constructor(store: string, redis: string, env: Readonly<Record<string, string>>) {
    const flags = `stream --exchange bybit --market linear --shard auto/${SHARDS} --queue ${redis} --lock ${LOCK}ms --store`;
    this.child = start([...flags.split(' '), store], { env });
    this.child.stderr?.on('data', (text) => {
      this.#text += text;
    });
    this.#ended = finished(this.child);
  }

  /** Shards whose captures have connected to the exchange since `forget`. */
  get connected(): string[] {
    return [...this.#text.matchAll(/shard (\d)\/\d: .* connected to/g)].map(([, shard = '']) => shard);
  }

  forget(): void {
    this.#text = '';
  }

  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return (await this.#ended).code;
  }
}

/** Waits until the processes together capture all shards. */
async function connected(processes: readonly Holder[]): Promise<void> {
  const end = performance.now() + 60_000;
  while (new Set(processes.flatMap((process) => process.connected)).size < SHARDS) {
    if (performance.now() > end) throw new Error('the shards were not captured');
    await sleep(50);
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
