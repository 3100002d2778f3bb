import { EXCHANGES } from '../../exchanges/index.js';
import type { Pacing } from '../../exchanges/live-protocol.js';
import type { Place } from '../../ingest/live/fleet.js';

/** The table of the settings of pacing; each has a variable: `MDTOOL_BITGET_CONNECT_PAUSE`. */
export const PACING_TABLE = 'pacing';

/** Keys of durations, by exchange, and what they are in code. */
export const DURATIONS = {
  connect_pause: 'connectPause',
  connect_jitter: 'connectJitter',
  connect_timeout: 'connectTimeout',
  subscribe_delay: 'subscribeDelay',
  subscribe_delay_jitter: 'subscribeDelayJitter',
  message_pause: 'messagePause',
  heartbeat_every: 'heartbeatEvery',
  silence_limit: 'silenceLimit',
  rotate_after: 'rotateAfter',
  reconnect_first: 'reconnectFirst',
  reconnect_longest: 'reconnectLongest',
  acknowledge_within: 'acknowledgeWithin',
  stale_after: 'staleAfter',
} as const satisfies Record<string, keyof Pacing>;

export const COUNTS = {
  connects_at_once: 'connectsAtOnce',
  connects_per_five_minutes: 'connectsPerFiveMinutes',
} as const satisfies Record<string, keyof Pacing>;

export const PLANNING = {
  channels_per_connection: 'channelsPerConnection',
  arguments_per_message: 'argumentsPerMessage',
  characters_per_connection: 'charactersPerConnection',
} as const satisfies Record<string, keyof Place['planning']>;

/** Keys of durations of repairs. */
export const OF_REPAIR = { repair_hold: 'hold', repair_within: 'within', repair_settle: 'settle' } as const;
const OF_RUN = ['unreachable_after', 'queue_records', 'repair_records', ...Object.keys(OF_REPAIR)] as const;

/** Every key of the table: those of each exchange, with its name in front, and those of the whole run. */
export const PACING_KEYS: readonly string[] = [
  ...EXCHANGES.flatMap(({ id }) => Object.keys({ ...DURATIONS, ...COUNTS, ...PLANNING }).map((key) => `${id}_${key}`)),
  ...OF_RUN,
];
