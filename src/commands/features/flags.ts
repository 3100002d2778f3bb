import { Flags } from '@oclif/core';
import { durationFlag, exchangesFlag, listOf, marketsFlag, storeFlag, symbolsFlag, timeFlags } from '../../lib/cli/flags.js';
import { waitFlag } from '../../lib/cli/store-step.js';
import type { Feature } from '../../lib/features/feature.js';
import type { EngineOptions } from '../../lib/features/options.js';
import { checkedWindows, FEATURES, type GivenWindows } from '../../lib/features/registry.js';
import { ROW_TYPES, type RowType } from '../../lib/features/store/feature-run.js';
import { UsageError } from '../../lib/model/errors.js';
import { didYouMean } from '../../lib/model/suggestion.js';
import { parseDuration, SECOND } from '../../lib/model/time.js';

/** How features are computed. */
export const featureFlags = {
  feature: Flags.string({
    summary: 'Module with a feature of your own, repeatable; see docs/own-features.md.',
    helpValue: 'FILE',
    multiple: true,
    multipleNonGreedy: true,
  }),
  window: Flags.custom<GivenWindows>({
    summary: 'Windows other than the defaults, such as ofi=30s, separated by commas; see --list.',
    helpValue: 'LIST',
    default: async () => [],
    defaultHelp: async () => 'as --list prints',
    parse: async (text) => windowsOf(text),
  })(),
  grace: durationFlag({
    summary: 'How long a second accepts records after its end, from stdin. Files and the store are read as a whole.',
    default: async () => SECOND,
    defaultHelp: async () => '1s',
  }),
};

/** The rows that are emitted. */
const rowsFlag = Flags.custom<readonly RowType[]>({
  summary: 'Rows to emit: micro, features, or both. A store always gets both.',
  helpValue: 'CHOICE',
  default: async () => ROW_TYPES,
  defaultHelp: async () => 'both',
  parse: async (text) => rowTypesOf(text),
});

/** Flags of `features`. */
export const featuresFlags = {
  ...featureFlags,
  rows: rowsFlag(),
  list: Flags.boolean({ summary: 'Print every feature with its inputs, window and warm-up.' }),
  plot: Flags.string({ summary: 'Draw one feature as a line, instead of rows.', helpValue: 'NAME', exclusive: ['output'] }),
  'fail-on-gaps': Flags.boolean({ summary: 'Exit 3 when the input has an unrepaired gap.' }),
  exchange: exchangesFlag(),
  market: marketsFlag(),
  symbols: symbolsFlag(),
  ...timeFlags,
  store: storeFlag,
  wait: waitFlag,
};

type FeatureFlags = {
  readonly feature?: readonly string[] | undefined;
  readonly window: GivenWindows;
  readonly grace: number;
  readonly plot?: string | undefined;
};

/** How features are computed, those of the user's included. */
export type FeatureSettings = EngineOptions & { readonly features: readonly Feature[] };

/** Returns how features are to be computed. Throws a `UsageError` for a window or a plot of a feature that there is not. */
export async function engineOptionsOf({ feature, window, grace, plot }: FeatureFlags): Promise<FeatureSettings> {
  const own = feature ? await (await import('../../lib/features/store/own-feature.js')).loadFeatures(feature) : [];
  const features = [...FEATURES, ...own];
  const names = features.map(({ name }) => name);
  if (plot !== undefined && !names.includes(plot))
    throw new UsageError(`--plot: expected one of ${names.join(', ')}, was "${plot}"${didYouMean(plot, names)}`);
  return { grace, windows: checkedWindows(window, features), features };
}

function windowsOf(text: string): GivenWindows {
  return listOf(text).map((part) => {
    const [name = '', duration, ...more] = part.split('=');
    if (duration === undefined || more.length > 0) throw new UsageError(`expected NAME=DURATION such as ofi=30s, was "${part}"`);
    return [name.trim(), parseDuration(duration, name)] as const;
  });
}

function rowTypesOf(text: string): readonly RowType[] {
  if (text.trim() === 'both') return ROW_TYPES;
  const types = listOf(text);
  const unknown = types.find((type) => !(ROW_TYPES as readonly string[]).includes(type));
  if (unknown !== undefined || types.length === 0)
    throw new UsageError(`expected ${ROW_TYPES.join(', ')} or both, was "${unknown ?? text}"`);
  return [...new Set(types as RowType[])];
}
