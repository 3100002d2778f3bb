import { Args, Flags } from '@oclif/core';
import {
  exchangesFlag,
  intervalsFlag,
  listOf,
  marketsFlag,
  outputFlags,
  storeFlag,
  symbolsFlag,
  timeFlags,
  universeFlags,
} from '../../lib/cli/flags.js';
import { HISTORY_TYPES, type HistoryType } from '../../lib/exchanges/history.js';
import { UsageError } from '../../lib/model/errors.js';

/** `-`, coverage files, archive files or URLs. */
export const inputArgument = Args.string({
  multiple: true,
  description:
    "coverage records that say what to fill, - for stdin or .ndjson; or an exchange's daily archives of trades, .csv[.gz], by path, glob or URL. Default: what the flags name.",
});

/** Which kinds of history, by their record types. */
const historyFlag = Flags.custom<readonly HistoryType[]>({
  summary: `What to fetch, separated by commas: ${HISTORY_TYPES.join(', ')}.`,
  helpValue: 'trade,candle',
  parse: async (text) => {
    const names = listOf(text);
    const unknown = names.find((name) => !HISTORY_TYPES.includes(name as HistoryType));
    if (unknown !== undefined || names.length === 0)
      throw new UsageError(`expected ${HISTORY_TYPES.join(', ')}, was "${unknown ?? text}"`);
    return [...new Set(names as HistoryType[])];
  },
});

/** The flags of `backfill`. */
export const backfillFlags = {
  exchange: exchangesFlag(),
  market: marketsFlag(),
  symbols: symbolsFlag(),
  ...universeFlags,
  channels: historyFlag({ default: async () => ['trade'], defaultHelp: async () => 'trade' }),
  interval: intervalsFlag({ summary: 'Candle intervals, separated by commas; the exchange has from 1m on.' }),
  ...timeFlags,
  plan: Flags.boolean({
    summary: 'Say what would be fetched, how many requests that takes, and what cannot be had; fetch nothing.',
  }),
  wait: Flags.boolean({ summary: 'When a run over this store is going on, wait for it instead of leaving it to it.' }),
  store: storeFlag,
  ...outputFlags,
};
