import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import {
  exchangesFlag,
  intervalsFlag,
  listOf,
  marketsFlag,
  outputFlags,
  storeFlags,
  symbolsFlag,
  timeFlags,
  universeFlags,
} from '../../lib/cli/flags.js';
import { notifyFlags } from '../../lib/cli/notify-flags.js';
import { queueFlag } from '../../lib/cli/queue-flags.js';
import { HISTORY_TYPES, type HistoryType } from '../../lib/exchanges/history.js';
import { UsageError } from '../../lib/model/errors.js';
import { didYouMeanChannel } from '../../lib/model/suggestion.js';

/** `-`, coverage files, archive files or URLs. */
export const inputArgument = Args.string({
  multiple: true,
  description:
    "Coverage records of verify (- for stdin, or .ndjson), or an exchange's trade archives (.csv, .csv.gz) by path, glob or URL; without INPUT: what the flags name.",
});

/** Kinds of history, named by their record types. */
const historyFlag = Flags.custom<readonly HistoryType[]>({
  summary: `What to fetch: ${HISTORY_TYPES.join(', ')}.`,
  helpValue: 'LIST',
  parse: async (text) => {
    const names = listOf(text);
    const unknown = names.find((name) => !HISTORY_TYPES.includes(name as HistoryType));
    if (unknown !== undefined || names.length === 0)
      throw new UsageError(
        `expected ${HISTORY_TYPES.join(', ')}, was "${unknown ?? text}"${didYouMeanChannel(unknown ?? text, HISTORY_TYPES)}`,
      );
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
  interval: intervalsFlag({ summary: 'Candle intervals, 1m or longer.' }),
  ...timeFlags,
  plan: Flags.boolean({
    summary: 'Fetch nothing; report what would be fetched, in how many requests, and what is unavailable.',
  }),
  wait: Flags.boolean({ summary: 'Wait if another run is using this store (without --wait: exit).' }),
  queue: queueFlag({ summary: 'Redis of the limits of REST requests that processes at one address share.' }),
  ...storeFlags,
  ...outputFlags,
  ...notifyFlags,
};
