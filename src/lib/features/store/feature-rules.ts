import { UsageError } from '../../model/errors.js';
import { formatDuration, SECOND } from '../../model/time.js';
import type { EngineOptions } from '../options.js';
import { FEATURES, windowOf } from '../registry.js';

type Rules = Pick<EngineOptions, 'grace' | 'windows'>;

/** Returns the metadata by which a store remembers how its features are made. */
export function featureMetadata({ grace, windows }: Rules): Record<string, string> {
  const own = FEATURES.filter(({ window }) => window !== undefined);
  const metadata = own.map((feature) => [`features.window.${feature.name}`, formatDuration(windowOf(feature, windows) * SECOND)]);
  return { ...Object.fromEntries(metadata), 'features.grace': formatDuration(grace) };
}

/** Throws a `UsageError` when the store has features that were made with other windows or another grace. */
export function requireSameFeatureRules(metadata: ReadonlyMap<string, string>, rules: Rules): void {
  for (const [setting, wanted] of Object.entries(featureMetadata(rules))) {
    const known = metadata.get(setting);
    if (known === undefined || known === wanted) continue;
    const feature = /^features\.window\.(.+)$/.exec(setting)?.[1];
    const flag = (value: string) => (feature === undefined ? `--grace ${value}` : `--window ${feature}=${value}`);
    throw new UsageError(
      `${flag(wanted)}: the features of this store are made with ${flag(known)}; use that, another store, or -o FILE`,
    );
  }
}
