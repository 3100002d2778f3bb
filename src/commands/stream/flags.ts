import * as Flags from '@oclif/core/flags';
import {
  durationFlag,
  exchangesFlag,
  filesFlag,
  intervalsFlag,
  listOf,
  marketsFlag,
  outputFlags,
  storeFlags,
  symbolsFlag,
} from '../../lib/cli/flags.js';
import { FEATURES_PRESET } from '../../lib/cli/live/context.js';
import { notifyFlags } from '../../lib/cli/notify-flags.js';
import { CHANNELS, type Channel } from '../../lib/exchanges/exchange.js';
import { POLLED_TYPES, type PolledType } from '../../lib/exchanges/polling.js';
import { UsageError } from '../../lib/model/errors.js';
import { finite } from '../../lib/model/numbers.js';
import { didYouMeanChannel } from '../../lib/model/suggestion.js';
import { SECOND } from '../../lib/model/time.js';
import { liveFlags, redisFlags } from './live-flags.js';

const PRESETS: ReadonlyMap<string, readonly string[]> = new Map([
  ['features', FEATURES_PRESET],
  ['none', []],
]);

/** Channels by their names. */
const channelsFlag = Flags.custom<readonly Channel[]>({
  summary: `Channels: ${CHANNELS.join(', ')}; features = everything mdtool features needs; none = REST polling only. ticker includes mark_price, open_interest and funding.`,
  helpValue: 'LIST',
  parse: async (text) => {
    const names = listOf(text).flatMap((name) => PRESETS.get(name) ?? [name]);
    const unknown = names.find((name) => !CHANNELS.includes(name as Channel));
    if (unknown !== undefined || (names.length === 0 && text.trim() !== 'none'))
      throw new UsageError(
        `expected channels out of ${CHANNELS.join(', ')}, features or none, was "${unknown ?? text}"${didYouMeanChannel(unknown ?? text, [...CHANNELS, ...PRESETS.keys()])}`,
      );
    return [...new Set(names as Channel[])];
  },
});

/** Record types that are polled over REST. */
const pollFlag = Flags.custom<readonly PolledType[]>({
  summary: `Poll over REST at --poll-every: ${POLLED_TYPES.join(', ')}. With --replay: the polls on the tapes.`,
  helpValue: 'LIST',
  parse: async (text) => {
    const types = listOf(text);
    const unknown = types.find((type) => !POLLED_TYPES.includes(type as PolledType));
    if (unknown !== undefined || types.length === 0)
      throw new UsageError(
        `--poll: expected some of ${POLLED_TYPES.join(', ')}, was "${unknown ?? text}"${didYouMeanChannel(unknown ?? text, POLLED_TYPES)}`,
      );
    return [...new Set(types as PolledType[])];
  },
});

/** A number above zero. */
const positiveFlag = Flags.custom<number>({
  helpValue: 'N',
  parse: async (text) => {
    const number = finite(text);
    if (number === undefined || number <= 0) throw new UsageError(`expected a number above 0, was "${text}"`);
    return number;
  },
});

/** The flags of `stream`. */
export const streamFlags = {
  exchange: exchangesFlag({ default: async () => [], defaultHelp: async () => 'with --replay, those of the tapes' }),
  market: marketsFlag({ defaultHelp: async () => 'with --replay, all on the tapes' }),
  symbols: symbolsFlag(),
  channels: channelsFlag({ default: async () => ['trade'], defaultHelp: async () => 'trade' }),
  interval: intervalsFlag({
    summary: 'Candle intervals.',
    defaultHelp: async () => 'with --replay, all recorded',
  }),
  depth: Flags.integer({ summary: 'Levels of a book_snapshot on each side.', default: 15, min: 1, helpValue: 'N' }),
  'book-interval': durationFlag({
    summary: 'Minimum interval between snapshots of a book; the latest state is always written.',
    default: async () => SECOND,
    defaultHelp: async () => '1s',
  }),
  poll: pollFlag(),
  replay: filesFlag({
    summary:
      'Tapes to replay: files, globs, `-` for stdin, or frames on Redis channels (redis://host/stream:bybit_*?market=linear).',
  }),
  speed: positiveFlag({ summary: 'Replay speed factor.', defaultHelp: async () => 'as fast as possible' }),
  'allow-gaps': Flags.boolean({ summary: 'Exit 0 even if gaps remain (gap records show where).' }),
  ...liveFlags,
  ...redisFlags,
  ...storeFlags,
  ...outputFlags,
  ...notifyFlags,
};
