import type { Live } from '../../capture/live/live.js';
import type { TapeRotation } from '../../capture/live/tape-writer.js';
import type { Channel, Exchange } from '../../exchanges/exchange.js';
import type { PolledType } from '../../exchanges/polling.js';
import type { Shard } from '../../instruments/shard.js';
import type { UniverseOptions } from '../../instruments/universe.js';
import type { Market } from '../../model/records.js';
import type { RedisFlags } from '../output/redis-target.js';
import type { Settings } from '../settings.js';
import type { Stderr } from '../stderr.js';
import type { Summary } from '../summary.js';
import type { MetricsAddress } from './metrics-endpoint.js';

/** The channels that `features` reads. Candles are for the warm-up of its averages. */
export const FEATURES_PRESET: readonly Channel[] = ['trade', 'ticker', 'book', 'candle'];
/** The interval of the preset's candles. */
export const FEATURES_INTERVAL = '15m';

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
    /** The Redis whose REST budget the run takes from. */
    readonly queue?: string | undefined;
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
  /** Shows the run while it lasts; by default its status. */
  readonly view?: ((live: Live) => { stop(): void }) | undefined;
};
