import type { Venue } from '../capture/live/connection-pool.js';
import { EXCHANGES } from '../exchanges/index.js';
import type { Pacing } from '../exchanges/live-protocol.js';
import { MINUTE, SECOND } from '../model/time.js';

/** The table of the pacing settings; each has a variable such as `MDTOOL_BITGET_CONNECT_PAUSE`. */
export const PACING_TABLE = 'pacing';

/** Keys of an exchange (prefixed with its name) and their names in code. */
export const DURATIONS = {
  connect_pause: 'connectPause',
  connect_jitter: 'connectJitter',
  reconnect_pause: 'reconnectPause',
  reconnect_jitter: 'reconnectJitter',
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
} as const satisfies Record<string, keyof Venue['planning']>;

/** Keys of the whole run with their defaults: durations in microseconds, and numbers of records. */
export const RUN_DURATIONS = {
  unreachable_after: MINUTE,
  repair_hold: 15 * SECOND,
  repair_within: 5 * MINUTE,
  repair_settle: 3 * SECOND,
  audit_every: 3 * MINUTE,
} as const;
export const RUN_COUNTS = { queue_records: 100_000, repair_records: 200_000 } as const;

const OF_EXCHANGE = { ...DURATIONS, ...COUNTS, ...PLANNING };
const OF_RUN = { ...RUN_DURATIONS, ...RUN_COUNTS };

/** All keys of the table: those of each exchange, prefixed with its name, and those of the whole run. */
export const PACING_KEYS: readonly string[] = [
  ...EXCHANGES.flatMap(({ id }) => Object.keys(OF_EXCHANGE).map((key) => `${id}_${key}`)),
  ...Object.keys(OF_RUN),
];

/** What each key means, for the reference of settings. */
export const PACING_NOTES: Readonly<Record<keyof typeof OF_EXCHANGE | keyof typeof OF_RUN, string>> = {
  connects_at_once: 'connects in progress at the same time, over all connections of the exchange',
  connects_per_five_minutes: 'connects within five minutes, over all connections of the exchange',
  connect_pause: 'minimum pause between two connects',
  connect_jitter: 'random extra pause, evenly from 0 to this',
  reconnect_pause: 'minimum pause between two connects if one of them is a reconnect',
  reconnect_jitter: 'random extra pause, evenly from 0 to this',
  connect_timeout: 'until a connect counts as failed',
  subscribe_delay: 'pause between connecting and the first subscription',
  subscribe_delay_jitter: 'random extra pause, evenly from 0 to this',
  message_pause: 'minimum pause between two messages of one connection',
  heartbeat_every: 'interval between heartbeats',
  silence_limit: 'a connection that receives nothing for this long, not even a heartbeat response, counts as dead',
  rotate_after: 'a connection is replaced after this, before the exchange closes it; 0 = never',
  reconnect_first: 'first pause after a failure (with full jitter), doubled each time',
  reconnect_longest: 'maximum of these pauses',
  acknowledge_within: 'a subscription without a response for this long is reported',
  stale_after: 'a topic that is silent for this long while its symbol trades is reported as stale and subscribed again',
  channels_per_connection: 'Bitget recommends fewer than 50: 39 on spot, 49 elsewhere; Bybit has no such limit',
  arguments_per_message: '19 on Bitget; on Bybit 10 on spot (its limit), 100 elsewhere',
  characters_per_connection: 'total length of all arguments: 21,000 on Bybit; Bitget has no such limit',
  unreachable_after: 'a run without any connection by then ends with exit code 5',
  queue_records: 'records that may wait for slow outputs; records beyond that become a gap',
  repair_hold: 'how long a repair holds back the trades and clocks after a gap',
  repair_within: 'how long a repair is retried',
  repair_settle: 'how long a REST list may lag behind the feed before it counts as complete',
  audit_every: 'how often the trades of each symbol are compared with the newest ones that the exchange lists; 0 for never',
  repair_records: 'trades that all repairs together may hold back',
};
