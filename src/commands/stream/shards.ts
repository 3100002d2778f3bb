import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import type { LiveStreamFlags } from '../../lib/cli/live/context.js';
import { type MetricsAddress, MetricsEndpoint } from '../../lib/cli/live/metrics-endpoint.js';
import { rawValue } from '../../lib/cli/stderr.js';
import type { Shard } from '../../lib/instruments/shard.js';
import { LeasedShards, type ShardProcess } from '../../lib/jobs/leased-shards.js';
import { EXIT, UsageError } from '../../lib/model/errors.js';
import { isRedis } from '../../lib/redis/url.js';

/** `--shard auto/8`: the shards are leased. */
export type LeasedShardCount = { readonly leased: number };

type ShardFlags = Omit<LiveStreamFlags, 'shard'> & {
  readonly queue?: string | undefined;
  readonly lock: number;
  readonly shards?: number | undefined;
  readonly replay?: readonly string[] | undefined;
};

type ShardRun = {
  readonly flags: ShardFlags;
  readonly count: number;
  /** The command line behind `stream`. */
  readonly argv: readonly string[];
  readonly version: string;
  readonly stopped: AbortSignal;
  readonly notice: (text: string) => void;
  /** Writes a line of a capture. */
  readonly line: (text: string) => void;
};

/** Flags with a value that only this process has. */
const OWN_FLAGS = ['--shard', '--queue', '--shards', '--metrics', '--lock'];
/** Marks the captures of this process in their environment. */
const LEASED = '_MDTOOL_LEASED';
/** Flags of a run that ends, or of one file. */
const REFUSED = ['replay', 'duration', 'until', 'count', 'tape'] as const;

/** Throws a `UsageError` for a flag of leases on a command line that leases nothing: it would do nothing, in silence. */
export function refuseLeaseFlags(argv: readonly string[]): void {
  const flag = ['--shards', '--lock'].find((name) => rawValue(argv, name) !== undefined);
  if (flag !== undefined) throw new UsageError(`${flag} is for leased shards: add --shard auto/N, as auto/8`);
}

/** Captures the shards that this process leases until it is stopped. Returns the worst exit code of the captures. */
export async function captureShards(run: ShardRun): Promise<number> {
  const { flags, count, stopped, notice } = run;
  const { queue } = flags;
  if (queue === undefined) throw new UsageError('--shard auto/N needs the Redis that holds the leases: --queue redis://host');
  const foreign = REFUSED.find((name) => flags[name] !== undefined);
  if (foreign !== undefined)
    throw new UsageError(`--${foreign} cannot be used with --shard auto/N, which captures until it is stopped`);
  const other = flags.output?.find((output) => output !== 'store' && output !== 'none' && !isRedis(output));
  if (other !== undefined)
    throw new UsageError(`-o ${other}: the processes of --shard auto/N cannot share a file; use store or redis://`);
  const leased = await LeasedShards.start({
    connection: { url: queue, flag: '--queue', onTrouble: notice },
    ...{ queue: queueName(flags, count), description: describe(flags, count), shards: count },
    ...{ most: flags.shards ?? count, lock: flags.lock / 1000, notice },
    start: (shard) => startCapture(shard, run),
  });
  const metrics = flags.metrics && (await listen(flags.metrics, run.version, leased));
  await new Promise<void>((resolve) => {
    const over = AbortSignal.any([stopped, leased.failed]);
    if (over.aborted) resolve();
    over.addEventListener('abort', () => resolve(), { once: true });
  });
  const code = await leased.close();
  await metrics?.close();
  return code;
}

/** Returns the shard of this process; a leased one waits for listings while it has no symbol. */
export function ownShard(shard: Shard | undefined): Shard | undefined {
  return shard && { ...shard, waits: process.env[LEASED] !== undefined };
}

/** Stops a capture whose parent is gone: the shard belongs to another process then. */
export function stopWithParent(): void {
  if (process.env[LEASED] === undefined || process.channel === undefined) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}

/** A capture is a process of its own: it can be stopped at once, and it ends when this one is gone. */
function startCapture({ index, count }: Shard, { argv, flags, line }: ShardRun): ShardProcess {
  // A password on a command line is there for every user of this host.
  const own = [...withoutOwn(argv), '--shard', `${index}/${count}`, ...(flags.metrics ? ['--metrics', '127.0.0.1:0'] : [])];
  const child = spawn(process.execPath, [process.argv[1] ?? '', 'stream', ...own], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, [LEASED]: '1', MDTOOL_QUEUE: flags.queue },
  });
  if (child.stderr) createInterface({ input: child.stderr }).on('line', (text) => line(`shard ${index}/${count}: ${text}`));
  const ended = new Promise<number | undefined>((resolve) => {
    child.once('error', () => resolve(undefined));
    // One that is asked to end while it starts ends by the signal itself: it has captured nothing, so nothing is lost.
    child.once('close', (code, signal) => resolve(code ?? (signal === 'SIGTERM' ? EXIT.done : undefined)));
  });
  return { stop: (signal) => void child.kill(signal), ended };
}

function withoutOwn(argv: readonly string[]): string[] {
  return argv.filter((word, index) => {
    const isValue = OWN_FLAGS.includes(argv[index - 1] ?? '');
    return !isValue && word !== '--json' && !OWN_FLAGS.some((flag) => word === flag || word.startsWith(`${flag}=`));
  });
}

/** Processes that capture the same share the leases. */
function queueName(flags: ShardFlags, count: number): string {
  const { exchange = [], market, symbols, channels, interval, poll, quote, kind, status, match, store, output } = flags;
  const what = [exchange.map(({ id }) => id), market, symbols, channels, interval, poll, quote, kind, status, `${match}`, count];
  const place = [store, output?.map((name) => (isRedis(name) ? 'redis' : name))];
  return `capture-${createHash('sha256')
    .update(JSON.stringify([what, place]))
    .digest('hex')
    .slice(0, 12)}`;
}

function describe({ exchange = [], market = [], channels }: ShardFlags, count: number): string {
  return `${exchange.map(({ id }) => id).join(',')} ${market.join(',')} ${channels.join(',')}, ${count} shards`;
}

async function listen(address: MetricsAddress, version: string, leased: LeasedShards): Promise<MetricsEndpoint> {
  const client = await import('prom-client');
  const registry = new client.Registry();
  const held = new client.Gauge({
    name: 'mdtool_shard_held',
    help: 'Shards that this process captures; 1 for each.',
    labelNames: ['shard'],
    registers: [registry],
  });
  return await MetricsEndpoint.listen(address, {
    ...{ client, registry, version, pending: () => undefined },
    collect: () => {
      held.reset();
      for (const shard of leased.held) held.set({ shard: `${shard}` }, 1);
    },
  });
}
