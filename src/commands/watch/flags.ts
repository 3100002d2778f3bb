import type { Interfaces } from '@oclif/core';
import * as Flags from '@oclif/core/flags';
import { DEFAULT_DEPOSIT } from '../../lib/backtest/terms.js';
import { featureFlags } from '../../lib/cli/feature-flags.js';
import {
  durationFlag,
  exchangesFlag,
  fractionOf,
  listOf,
  marketsFlag,
  outputFlags,
  storeFlags,
  symbolsFlag,
  universeFlags,
} from '../../lib/cli/flags.js';
import { notifyFlags } from '../../lib/cli/notify-flags.js';
import { ruleFlags } from '../../lib/cli/signal-flags.js';
import { UsageError } from '../../lib/model/errors.js';
import { finite } from '../../lib/model/numbers.js';
import { didYouMean } from '../../lib/model/suggestion.js';
import { SECOND } from '../../lib/model/time.js';

const PAPER = 'Paper account';

/** Records that a watch can print. */
const ROWS = ['signal', 'fill', 'features', 'micro'] as const;
type WatchRow = (typeof ROWS)[number];
const DEFAULT_ROWS: readonly WatchRow[] = ['signal', 'fill'];

const amountFlag = Flags.custom<number>({
  helpValue: 'N',
  helpGroup: PAPER,
  parse: async (text) => {
    const value = finite(text);
    if (value === undefined || value <= 0) throw new UsageError(`expected a number above 0, was "${text}"`);
    return value;
  },
});
const feeFlag = Flags.custom<number>({
  helpValue: 'PERCENT',
  helpGroup: PAPER,
  parse: async (text) => fractionOf(text).toNumber(),
});

/** The flags of `watch`. */
export const watchFlags = {
  exchange: exchangesFlag({ required: true }),
  market: marketsFlag({ required: true }),
  symbols: symbolsFlag(),
  ...universeFlags,
  duration: durationFlag({ summary: 'Stop after this time, counted from the first confirmed subscription.', least: SECOND }),
  testnet: Flags.boolean({ summary: "Use the exchange's test network.", exclusive: ['demo'] }),
  demo: Flags.boolean({ summary: "Use the exchange's demo trading." }),
  rows: Flags.custom<readonly WatchRow[]>({
    summary: `Records to print or write: ${ROWS.join(', ')}.`,
    helpValue: 'LIST',
    default: async () => DEFAULT_ROWS,
    defaultHelp: async () => 'signal,fill',
    parse: async (text) => rowsOf(text),
  })(),
  explain: Flags.boolean({ summary: 'Also log rejected signals and their reasons.' }),
  record: Flags.boolean({ summary: 'Also store the captured records in --store.' }),
  ...featureFlags,
  ...ruleFlags,
  deposit: amountFlag({
    summary: 'Starting equity of each symbol, in quote units.',
    default: async () => DEFAULT_DEPOSIT,
    defaultHelp: async () => `${DEFAULT_DEPOSIT}`,
  }),
  notional: amountFlag({ summary: 'Value of each entry, in quote units.', defaultHelp: async () => 'a tenth of --deposit' }),
  'maker-fee': feeFlag({ summary: 'Fee of maker fills.', defaultHelp: async () => "the instrument's, else 0.02%" }),
  'taker-fee': feeFlag({ summary: 'Fee of taker fills.', defaultHelp: async () => "the instrument's, else 0.06%" }),
  ...storeFlags,
  ...outputFlags,
  ...notifyFlags,
};

export type WatchFlags = Interfaces.InferredFlags<typeof watchFlags>;

function rowsOf(text: string): readonly WatchRow[] {
  const rows = listOf(text);
  const unknown = rows.find((row) => !(ROWS as readonly string[]).includes(row));
  if (unknown !== undefined || rows.length === 0)
    throw new UsageError(
      `--rows: expected some of ${ROWS.join(', ')}, was "${unknown ?? text}"${didYouMean(unknown ?? text, ROWS)}`,
    );
  return [...new Set(rows as WatchRow[])];
}
