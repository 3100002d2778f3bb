import { Flags } from '@oclif/core';
import type { TapeRotation } from '../../lib/capture/live/tape-writer.js';
import { durationFlag, LONGEST_PAUSE, universeFlags } from '../../lib/cli/flags.js';
import { isRedis } from '../../lib/cli/output/redis-target.js';
import { parseShard, type Shard } from '../../lib/instruments/shard.js';
import { UsageError } from '../../lib/model/errors.js';
import { HOUR, MICROSECONDS_PER_MILLISECOND, MINUTE, parseDuration, parseTime, SECOND } from '../../lib/model/time.js';
import { type MetricsAddress, parseMetricsAddress } from './metrics-server.js';

const LIVE = 'CAPTURE';
const MILLISECOND = MICROSECONDS_PER_MILLISECOND;
const SHORTEST_PAUSE = 100 * MILLISECOND;

/** What a capture from the exchanges takes beyond a replay. */
export const liveFlags = {
  ...universeFlags,
  api: Flags.string({
    summary: 'Protocol version: v2 (default) or v3 on bitget, v5 on bybit.',
    helpValue: 'v3',
    helpGroup: LIVE,
  }),
  testnet: Flags.boolean({ summary: "Capture from the exchange's test network (bybit).", helpGroup: LIVE, exclusive: ['demo'] }),
  demo: Flags.boolean({ summary: "Capture from the exchange's demo trading (bitget).", helpGroup: LIVE }),
  duration: durationFlag({ summary: 'Stop after this time.', helpValue: '1h', helpGroup: LIVE, least: MILLISECOND }),
  until: Flags.custom<number>({
    summary: 'Stop at this time: ISO 8601 or epoch.',
    helpValue: 'TIME',
    helpGroup: LIVE,
    parse: async (text) => parseTime(text, Date.now() * 1000, '--until'),
  })(),
  count: Flags.integer({
    summary: 'Stop after so many records (gap and clock not counted).',
    min: 1,
    helpValue: 'N',
    helpGroup: LIVE,
  }),
  shard: Flags.custom<Shard>({
    summary: 'Take one share of the symbols: 2/5 is the second of five, by a stable hash.',
    helpValue: '2/5',
    helpGroup: LIVE,
    parse: async (text) => parseShard(text),
  })(),
  tape: Flags.string({
    summary: 'Record what happens on the wire, to be replayed with --replay; .gz compresses; {exchange} in the name for several.',
    helpValue: 'FILE',
    helpGroup: LIVE,
  }),
  'tape-rotate': Flags.custom<Exclude<TapeRotation, undefined>>({
    summary: 'Begin a new tape every UTC day, or before one exceeds a size (of text); the time goes into the name.',
    helpValue: 'day|1GB',
    helpGroup: LIVE,
    dependsOn: ['tape'],
    parse: async (text) => parseRotation(text),
  })(),
  metrics: Flags.custom<MetricsAddress>({
    summary: 'Serve Prometheus metrics on /metrics, and /healthz and /readyz, at this address.',
    helpValue: '127.0.0.1:9464',
    helpGroup: LIVE,
    parse: async (text) => parseMetricsAddress(text),
  })(),
  'repair-max': Flags.custom<number>({
    summary: 'Fetch trades that a lost connection or a pause between two runs left out, so far back; 0 repairs nothing.',
    default: async () => HOUR,
    defaultHelp: async () => '1h',
    helpValue: '1h',
    helpGroup: LIVE,
    parse: async (text) => (text.trim() === '0' ? 0 : parseDuration(text, '')),
  })(),
  'poll-every': durationFlag({
    summary: 'Time between two polls, which begin on its even multiples and up to a tenth (a second at most) later.',
    defaultHelp: async () => '5s',
    helpValue: '5s',
    helpGroup: LIVE,
    dependsOn: ['poll'],
    least: SECOND,
    most: LONGEST_PAUSE,
  }),
  refresh: durationFlag({
    summary: 'Time between two looks at the instruments: new listings are subscribed, delisted ones ended.',
    default: async () => 10 * MINUTE,
    defaultHelp: async () => '10m',
    helpValue: '10m',
    helpGroup: LIVE,
    least: SHORTEST_PAUSE,
    most: LONGEST_PAUSE,
  }),
  stats: durationFlag({
    summary: 'Time between two log lines of statistics, where no terminal shows them.',
    default: async () => MINUTE,
    defaultHelp: async () => '1m',
    helpValue: '60s',
    helpGroup: LIVE,
    least: SHORTEST_PAUSE,
    most: LONGEST_PAUSE,
  }),
};

const REDIS = 'REDIS';

/** What goes to Redis with `-o redis://…`. */
export const redisFlags = {
  'redis-payload': Flags.option({
    summary: "What is published: the exchange's frames unchanged, or our records.",
    options: ['frame', 'record'] as const,
    default: 'frame' as const,
    helpGroup: REDIS,
  })(),
  'redis-prefix': Flags.string({
    summary: 'What channel names begin with: stream:bybit_trades; {market} keeps the frames of several markets apart.',
    default: 'stream:',
    helpGroup: REDIS,
  }),
  'redis-mode': Flags.option({
    summary: 'Pub/Sub, or streams that keep entries for consumers that come later.',
    options: ['pubsub', 'stream'] as const,
    default: 'pubsub' as const,
    helpGroup: REDIS,
  })(),
  'redis-maxlen': Flags.integer({
    summary: 'Entries that a stream keeps, at least.',
    default: 100_000,
    min: 1,
    helpValue: 'N',
    helpGroup: REDIS,
  }),
};

const SIZES: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9 };

function parseRotation(text: string): Exclude<TapeRotation, undefined> {
  if (text === 'day') return 'day';
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(KB|MB|GB)$/i.exec(text.trim()) ?? [];
  const bytes = Number(number) * (SIZES[unit.toUpperCase()] ?? Number.NaN);
  if (!(bytes > 0)) throw new UsageError(`expected day, or a size such as 256MB or 1GB, was "${text}"`);
  return { bytes };
}

/** These belong to a capture from the exchanges, and these to a replay: given with the other they are a mistake. */
const LIVE_ONLY = Object.keys(liveFlags).filter((name) => name !== 'shard');
const REPLAY_ONLY = ['speed'];

type StreamFlagValues = Readonly<Record<string, unknown>> & { readonly output?: readonly string[] | undefined };

/** What the parser knows of the flags that it filled in itself. */
type FlagOrigins = Readonly<Record<string, { readonly setFromDefault?: boolean | undefined } | undefined>>;

/** Throws a `UsageError` when the command line names a flag that another kind of run has, or another output. */
export function refuseForeign(isReplay: boolean, flags: StreamFlagValues, origins: FlagOrigins): void {
  const outputs = flags.output ?? [];
  const isGiven = (name: string) => flags[name] !== undefined && flags[name] !== false && !origins[name]?.setFromDefault;
  const foreign = (isReplay ? LIVE_ONLY : REPLAY_ONLY).find(isGiven);
  if (foreign !== undefined)
    throw new UsageError(
      isReplay
        ? `--${foreign} belongs to a capture from the exchanges; a replay takes everything that its tapes hold`
        : `--${foreign} belongs to a replay: give --replay TAPE`,
    );
  const ofRedis = Object.keys(redisFlags).find(isGiven);
  if (ofRedis !== undefined && !outputs.some(isRedis))
    throw new UsageError(`--${ofRedis} says how records go to Redis: add -o redis://…`);
}
