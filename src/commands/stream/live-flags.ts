import * as Flags from '@oclif/core/flags';
import type { TapeRotation } from '../../lib/capture/live/tape-writer.js';
import { durationFlag, LONGEST_PAUSE, universeFlags } from '../../lib/cli/flags.js';
import { type MetricsAddress, parseMetricsAddress } from '../../lib/cli/live/metrics-endpoint.js';
import { lockFlag, queueFlag } from '../../lib/cli/queue-flags.js';
import { parseZonedTime } from '../../lib/cli/time-zone.js';
import type { Exchange } from '../../lib/exchanges/exchange.js';
import { EXCHANGES } from '../../lib/exchanges/index.js';
import { parseShard, type Shard } from '../../lib/instruments/shard.js';
import { UsageError } from '../../lib/model/errors.js';
import { parseSize } from '../../lib/model/number-format.js';
import { HOUR, MICROSECONDS_PER_MILLISECOND, MINUTE, parseDuration, SECOND } from '../../lib/model/time.js';
import { isRedis } from '../../lib/redis/url.js';
import type { LeasedShardCount } from './shards.js';

const LIVE = 'Capture';
const MILLISECOND = MICROSECONDS_PER_MILLISECOND;
const SHORTEST_PAUSE = 100 * MILLISECOND;

/** Returns what holds for each exchange: `v2 on bitget, v5 on bybit`. */
function ofEach(describe: (exchange: Exchange) => string | undefined): string {
  return EXCHANGES.map((exchange) => `${describe(exchange)} on ${exchange.id}`).join(', ');
}

/** Returns the exchanges that have a place for practice. */
function having(place: string): string {
  return EXCHANGES.filter(({ live }) => place in live.places)
    .map(({ id }) => id)
    .join(', ');
}

/** Flags of a live capture that a replay does not have. */
export const liveFlags = {
  ...universeFlags,
  api: Flags.string({
    summary: `Protocol version: ${ofEach(({ apis }) => apis.join(' or '))}.`,
    defaultHelp: async () => ofEach(({ apis }) => apis[0]),
    helpValue: 'VERSION',
    helpGroup: LIVE,
  }),
  testnet: Flags.boolean({
    summary: `Use the exchange's test network (${having('testnet')}).`,
    helpGroup: LIVE,
    exclusive: ['demo'],
  }),
  demo: Flags.boolean({ summary: `Use the exchange's demo trading (${having('demo')}).`, helpGroup: LIVE }),
  duration: durationFlag({
    summary: 'Stop after this time, counted from the first confirmed subscription.',
    helpValue: 'DURATION',
    helpGroup: LIVE,
    least: MILLISECOND,
  }),
  until: Flags.custom<number>({
    summary: 'Stop at this time: ISO 8601 or epoch.',
    helpValue: 'TIME',
    helpGroup: LIVE,
    parse: async (text) => parseZonedTime(text, Date.now() * 1000, '--until'),
  })(),
  count: Flags.integer({
    summary: 'Stop after N records; gap and clock do not count.',
    min: 1,
    helpValue: 'N',
    helpGroup: LIVE,
  }),
  shard: Flags.custom<Shard | LeasedShardCount>({
    summary: 'Capture one share of the symbols, by a stable hash: 2/5 is the second of five; auto/8 leases shares over --queue.',
    helpValue: 'N/TOTAL',
    helpGroup: LIVE,
    parse: async (text) => {
      const [, count] = /^auto\/(\d{1,4})$/.exec(text.trim()) ?? [];
      return count === undefined || Number(count) < 1 ? parseShard(text) : { leased: Number(count) };
    },
  })(),
  queue: queueFlag({
    summary: 'Redis for what processes share: limits of REST requests, leases of --shard auto/N.',
    helpGroup: LIVE,
  }),
  lock: lockFlag('Take over the shards of a process that is silent for this long.', LIVE),
  shards: Flags.integer({
    summary: 'Most shards of --shard auto/N that this process captures.',
    defaultHelp: async () => 'all',
    min: 1,
    helpValue: 'N',
    helpGroup: LIVE,
  }),
  tape: Flags.string({
    summary: 'Record the raw traffic for --replay; .gz compresses. With several exchanges put {exchange} in the name.',
    helpValue: 'FILE',
    helpGroup: LIVE,
  }),
  'tape-rotate': Flags.custom<Exclude<TapeRotation, undefined>>({
    summary:
      'Start a new tape each UTC day, or before one exceeds a size such as 1GB (uncompressed); the time goes into the name.',
    helpValue: 'day|SIZE',
    helpGroup: LIVE,
    dependsOn: ['tape'],
    parse: async (text) => parseRotation(text),
  })(),
  metrics: Flags.custom<MetricsAddress>({
    summary: 'Serve /metrics (Prometheus), /healthz and /readyz at this address.',
    helpValue: 'HOST:PORT',
    helpGroup: LIVE,
    parse: async (text) => parseMetricsAddress(text),
  })(),
  'repair-max': Flags.custom<number>({
    summary: 'After a disconnect or a restart, fetch missed trades up to this far back; 0 disables repair.',
    default: async () => HOUR,
    defaultHelp: async () => '1h',
    helpValue: 'DURATION',
    helpGroup: LIVE,
    parse: async (text) => (text.trim() === '0' ? 0 : parseDuration(text, '')),
  })(),
  'poll-every': durationFlag({
    summary: 'Interval between polls, on its even multiples plus a delay of up to a tenth (at most 1s).',
    defaultHelp: async () => '5s',
    helpValue: 'DURATION',
    helpGroup: LIVE,
    dependsOn: ['poll'],
    least: SECOND,
    most: LONGEST_PAUSE,
  }),
  refresh: durationFlag({
    summary: 'How often to refresh the instrument list; new listings are subscribed, delisted ones dropped.',
    default: async () => 10 * MINUTE,
    defaultHelp: async () => '10m',
    helpValue: 'DURATION',
    helpGroup: LIVE,
    least: SHORTEST_PAUSE,
    most: LONGEST_PAUSE,
  }),
  stats: durationFlag({
    summary: 'Interval between statistics in the log, if stderr is not a terminal.',
    default: async () => MINUTE,
    defaultHelp: async () => '1m',
    helpValue: 'DURATION',
    helpGroup: LIVE,
    least: SHORTEST_PAUSE,
    most: LONGEST_PAUSE,
  }),
};

const REDIS = 'Redis';

/** Flags of `-o redis://…`. */
export const redisFlags = {
  'redis-payload': Flags.option({
    summary: "Publish the exchange's frames unchanged, or mdtool records.",
    options: ['frame', 'record'] as const,
    default: 'frame' as const,
    helpGroup: REDIS,
  })(),
  'redis-prefix': Flags.string({
    summary: 'Prefix of channel names, as in stream:bybit_trades; {market} in it keeps markets apart.',
    default: 'stream:',
    helpGroup: REDIS,
  }),
  'redis-mode': Flags.option({
    summary: 'Pub/Sub, or Redis streams, which keep entries for later consumers.',
    options: ['pubsub', 'stream'] as const,
    default: 'pubsub' as const,
    helpGroup: REDIS,
  })(),
  'redis-maxlen': Flags.integer({
    summary: 'Keep at least this many entries per Redis stream.',
    default: 100_000,
    min: 1,
    helpValue: 'N',
    helpGroup: REDIS,
  }),
};

function parseRotation(text: string): Exclude<TapeRotation, undefined> {
  if (text === 'day') return 'day';
  const bytes = parseSize(text);
  if (bytes === undefined) throw new UsageError(`expected day, or a size such as 256MB or 1GB, was "${text}"`);
  return { bytes };
}

/** Flags of a live capture alone and of a replay alone; using one with the other is an error. */
const LIVE_ONLY = Object.keys(liveFlags).filter((name) => name !== 'shard');
const REPLAY_ONLY = ['speed'];

type StreamFlagValues = Readonly<Record<string, unknown>> & { readonly output?: readonly string[] | undefined };

/** Flags that the parser filled in from a default. */
type FlagOrigins = Readonly<Record<string, { readonly setFromDefault?: boolean | undefined } | undefined>>;

/** Throws a `UsageError` if a flag does not fit this kind of run or its outputs. */
export function refuseForeign(isReplay: boolean, flags: StreamFlagValues, origins: FlagOrigins): void {
  const outputs = flags.output ?? [];
  const isGiven = (name: string) => flags[name] !== undefined && flags[name] !== false && !origins[name]?.setFromDefault;
  const foreign = (isReplay ? LIVE_ONLY : REPLAY_ONLY).find(isGiven);
  if (foreign !== undefined)
    throw new UsageError(
      isReplay
        ? `--${foreign} is for live captures; a replay uses everything on its tapes`
        : `--${foreign} is for replays; add --replay TAPE`,
    );
  const ofRedis = Object.keys(redisFlags).find(isGiven);
  if (ofRedis !== undefined && !outputs.some(isRedis))
    throw new UsageError(`--${ofRedis} needs a Redis output; add -o redis://…`);
}
