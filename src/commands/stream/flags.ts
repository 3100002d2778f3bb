import { Flags } from '@oclif/core';
import {
  durationFlag,
  exchangesFlag,
  filesFlag,
  intervalsFlag,
  listOf,
  marketsFlag,
  outputFlags,
  storeFlag,
  symbolsFlag,
} from '../../lib/cli/flags.js';
import { CHANNELS, type Channel } from '../../lib/exchanges/exchange.js';
import { POLLED_TYPES, type PolledType } from '../../lib/exchanges/polling.js';
import { UsageError } from '../../lib/model/errors.js';
import { finite } from '../../lib/model/numbers.js';
import { SECOND } from '../../lib/model/time.js';
import { liveFlags, redisFlags } from './live-flags.js';

/** What `features` reads: trades, books, tickers with what they carry, and candles to begin its averages with. */
export const FEATURES_PRESET: readonly Channel[] = ['trade', 'ticker', 'book', 'candle'];
/** The interval of the preset's candles. */
export const FEATURES_INTERVAL = '15m';

const PRESETS: ReadonlyMap<string, readonly string[]> = new Map([
  ['features', FEATURES_PRESET],
  ['none', []],
]);

/** Channels by their names. */
export const channelsFlag = Flags.custom<readonly Channel[]>({
  summary: `Channels, separated by commas: ${CHANNELS.join(', ')}; or features, all that this step needs; or none, to poll alone. ticker also gives mark_price, open_interest and funding.`,
  helpValue: 'trade,book',
  parse: async (text) => {
    const names = listOf(text).flatMap((name) => PRESETS.get(name) ?? [name]);
    const unknown = names.find((name) => !CHANNELS.includes(name as Channel));
    if (unknown !== undefined || (names.length === 0 && text.trim() !== 'none'))
      throw new UsageError(`expected channels out of ${CHANNELS.join(', ')}, features or none, was "${unknown ?? text}"`);
    return [...new Set(names as Channel[])];
  },
});

/** Record types that are asked for by REST. */
export const pollFlag = Flags.custom<readonly PolledType[]>({
  summary: `Ask by REST every --poll-every: ${POLLED_TYPES.join(', ')}, separated by commas. With --replay, what the tapes hold of it.`,
  helpValue: 'mark_price,funding',
  parse: async (text) => {
    const types = listOf(text);
    const unknown = types.find((type) => !POLLED_TYPES.includes(type as PolledType));
    if (unknown !== undefined || types.length === 0)
      throw new UsageError(`--poll: expected some of ${POLLED_TYPES.join(', ')}, was "${unknown ?? text}"`);
    return [...new Set(types as PolledType[])];
  },
});

/** A number above zero. */
export const positiveFlag = Flags.custom<number>({
  helpValue: 'N',
  parse: async (text) => {
    const number = finite(text);
    if (number === undefined || number <= 0) throw new UsageError(`expected a number above 0, was "${text}"`);
    return number;
  },
});

/** The flags of `stream`. */
export const streamFlags = {
  exchange: exchangesFlag({ default: async () => [], defaultHelp: async () => 'with --replay, the exchanges of the tapes' }),
  market: marketsFlag({ defaultHelp: async () => 'with --replay, all on the tapes' }),
  symbols: symbolsFlag(),
  channels: channelsFlag({ default: async () => ['trade'], defaultHelp: async () => 'trade' }),
  interval: intervalsFlag({ summary: 'Candle intervals, separated by commas. Default of a replay: all that were recorded.' }),
  depth: Flags.integer({ summary: 'Levels of a book_snapshot, on each side.', default: 15, min: 1, helpValue: 'N' }),
  'book-interval': durationFlag({
    summary: 'Least time between two snapshots of a book; the last state is never withheld.',
    default: async () => SECOND,
    defaultHelp: async () => '1s',
  }),
  poll: pollFlag(),
  replay: filesFlag({ summary: 'Tapes to replay, separated by commas; globs; `-` reads stdin.' }),
  speed: positiveFlag({ summary: 'Replay at so many times the recorded speed. Default: as fast as possible.' }),
  'allow-gaps': Flags.boolean({ summary: 'End with 0 although holes in the data remain (gap records say where).' }),
  ...liveFlags,
  ...redisFlags,
  store: storeFlag,
  ...outputFlags,
};
