import type { TapeRotation } from '../../lib/capture/live/tape-writer.js';
import type { RedisFlags } from '../../lib/cli/output/redis-target.js';
import type { Settings } from '../../lib/cli/settings.js';
import type { Stderr } from '../../lib/cli/stderr.js';
import type { Summary } from '../../lib/cli/summary.js';
import type { Channel, Exchange } from '../../lib/exchanges/exchange.js';
import type { PolledType } from '../../lib/exchanges/polling.js';
import type { Shard } from '../../lib/instruments/shard.js';
import type { UniverseOptions } from '../../lib/instruments/universe.js';
import type { Market } from '../../lib/model/records.js';
import type { MetricsAddress } from './metrics-server.js';

/** The parsed flags of a live `stream`; durations are microseconds. */
export type LiveStreamFlags = UniverseOptions &
  RedisFlags & {
    readonly exchange?: readonly Exchange[] | undefined;
    readonly market?: readonly Market[] | undefined;
    readonly symbols?: readonly string[] | undefined;
    readonly channels: readonly Channel[];
    readonly interval?: readonly string[] | undefined;
    readonly poll?: readonly PolledType[] | undefined;
    readonly 'poll-every'?: number | undefined;
    readonly depth: number;
    readonly 'book-interval': number;
    readonly api?: string | undefined;
    readonly testnet: boolean;
    readonly demo: boolean;
    readonly duration?: number | undefined;
    readonly until?: number | undefined;
    readonly count?: number | undefined;
    readonly shard?: Shard | undefined;
    readonly tape?: string | undefined;
    readonly 'tape-rotate'?: TapeRotation;
    readonly force: boolean;
    readonly metrics?: MetricsAddress | undefined;
    readonly refresh: number;
    readonly stats: number;
    readonly 'repair-max': number;
    readonly 'allow-gaps': boolean;
    readonly store?: string | undefined;
    readonly output?: readonly string[] | undefined;
  };

export type LiveStreamContext = {
  readonly flags: LiveStreamFlags;
  readonly settings: Settings;
  readonly stderr: Stderr;
  readonly summary: Summary;
  readonly stopped: AbortSignal;
  readonly version: string;
  readonly notice: (message: string) => void;
};
