import * as Flags from '@oclif/core/flags';
import type { Feature } from '../features/feature.js';
import type { EngineOptions } from '../features/options.js';
import { checkedWindows, FEATURES, type GivenWindows } from '../features/registry.js';
import { UsageError } from '../model/errors.js';
import { didYouMean } from '../model/suggestion.js';
import { parseDuration, SECOND } from '../model/time.js';
import { durationFlag, listOf } from './flags.js';

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
  const own = feature ? await (await import('../features/store/own-feature.js')).loadFeatures(feature) : [];
  const features = [...FEATURES, ...own];
  const names = features.map(({ name }) => name);
  for (const name of listOf(plot ?? ''))
    if (!names.includes(name))
      throw new UsageError(`--plot: expected some of ${names.join(', ')}, was "${name}"${didYouMean(name, names)}`);
  return { grace, windows: checkedWindows(window, features), features };
}

function windowsOf(text: string): GivenWindows {
  return listOf(text).map((part) => {
    const [name = '', duration, ...more] = part.split('=');
    if (duration === undefined || more.length > 0) throw new UsageError(`expected NAME=DURATION such as ofi=30s, was "${part}"`);
    return [name.trim(), parseDuration(duration, name)] as const;
  });
}
