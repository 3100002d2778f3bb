import type { Venue } from '../capture/live/connection-pool.js';
import { EXCHANGES } from '../exchanges/index.js';
import type { Pacing } from '../exchanges/live-protocol.js';
import { MINUTE, SECOND } from '../model/time.js';

/** The table of the settings of pacing; each has a variable: `MDTOOL_BITGET_CONNECT_PAUSE`. */
export const PACING_TABLE = 'pacing';

/** Keys of an exchange, with its name in front, and what they are in code. */
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
} as const;
export const RUN_COUNTS = { queue_records: 100_000, repair_records: 200_000 } as const;

const OF_EXCHANGE = { ...DURATIONS, ...COUNTS, ...PLANNING };
const OF_RUN = { ...RUN_DURATIONS, ...RUN_COUNTS };

/** Every key of the table: those of each exchange, with its name in front, and those of the whole run. */
export const PACING_KEYS: readonly string[] = [
  ...EXCHANGES.flatMap(({ id }) => Object.keys(OF_EXCHANGE).map((key) => `${id}_${key}`)),
  ...Object.keys(OF_RUN),
];

/** What each key means, for the reference of settings. */
export const PACING_NOTES: Readonly<Record<keyof typeof OF_EXCHANGE | keyof typeof OF_RUN, string>> = {
  connects_at_once: 'connects in progress at the same time, over all connections of the exchange',
  connects_per_five_minutes: 'connects within five minutes, over all connections of the exchange',
  connect_pause: 'between two connects',
  connect_jitter: 'added to that evenly from 0',
  reconnect_pause: 'between two connects when one of them is a reconnect after a loss',
  reconnect_jitter: 'added to that evenly from 0',
  connect_timeout: 'until a connect counts as failed',
  subscribe_delay: 'between an open connection and its first subscription',
  subscribe_delay_jitter: 'added to that evenly from 0',
  message_pause: 'between two messages of one connection',
  heartbeat_every: 'between two heartbeats',
  silence_limit: 'a connection that has received nothing for so long, not even an answer to a heartbeat, is dead',
  rotate_after: 'a connection is replaced after this, before the exchange cuts it; 0 for never',
  reconnect_first: 'the first pause after a failure (with full jitter), doubled each time',
  reconnect_longest: 'the longest of these pauses',
  acknowledge_within: 'a subscription that nothing answers for so long is reported',
  stale_after: 'so is one that is silent for so long although its ticker tells of trades',
  channels_per_connection: 'Bitget advises fewer than 50: 39 on spot, 49 else; Bybit has no such limit',
  arguments_per_message: '19 on Bitget; on Bybit 10 on spot (a limit), 100 else',
  characters_per_connection: 'of all arguments together: 21,000 on Bybit; Bitget has no such limit',
  unreachable_after: 'a run that nothing has connected to by then ends with 5',
  queue_records: 'records that may wait for slow outputs; what does not fit becomes a gap',
  repair_hold: 'for so long a repair holds back the trades and clocks behind a hole',
  repair_within: 'for so long a repair is tried',
  repair_settle: 'how long a REST list may lag behind the feed before it is taken for complete',
  repair_records: 'trades that all repairs together may hold back',
};
