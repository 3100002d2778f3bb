import * as Flags from '@oclif/core/flags';
import { exchangesFlag, listOf, marketsFlag, outputFlags, storeFlags, symbolsFlag, timeFlags } from '../../lib/cli/flags.js';
import { notifyFlags } from '../../lib/cli/notify-flags.js';
import { HISTORY_TYPES } from '../../lib/exchanges/history.js';
import { UsageError } from '../../lib/model/errors.js';
import type { RecordType } from '../../lib/model/records.js';
import { didYouMeanChannel } from '../../lib/model/suggestion.js';
import { typeOfChannel, VERIFIED_CHANNELS } from '../../lib/verify/store/channels.js';

/** What is verified, against what, and how strictly. */
export const verifyFlags = {
  exchange: exchangesFlag(),
  market: marketsFlag(),
  symbols: symbolsFlag(),
  channels: Flags.custom<readonly RecordType[]>({
    summary: 'Channels to verify, separated by commas; by default all, with the files of everything else in the store.',
    description: `Beside those that stream captures: ${HISTORY_TYPES.filter((type) => !['trade', 'candle'].includes(type)).join(', ')}, and derived records by their type.`,
    helpValue: 'LIST',
    parse: async (text) => channelsOf(text),
  })(),
  ...timeFlags,
  ...storeFlags,
  against: Flags.option({
    summary:
      "Also compare candles built from the stored trades with the exchange's own: those that were captured, by REST where there are none.",
    options: ['exchange'] as const,
  })(),
  strict: Flags.boolean({ summary: 'Exit 3 for what is suspicious, too.' }),
  ...outputFlags,
  ...notifyFlags,
};

function channelsOf(text: string): RecordType[] {
  const channels = listOf(text);
  if (channels.length === 0) throw new UsageError(`--channels: expected a channel such as trade, was "${text}"`);
  for (const channel of channels) {
    if (VERIFIED_CHANNELS.includes(channel)) continue;
    throw new UsageError(
      `--channels: expected some of ${VERIFIED_CHANNELS.join(', ')}, was "${channel}"${didYouMeanChannel(channel, VERIFIED_CHANNELS)}`,
    );
  }
  return [...new Set(channels.map(typeOfChannel))];
}
