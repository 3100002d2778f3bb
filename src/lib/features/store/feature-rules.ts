import { UsageError } from '../../model/errors.js';
import { formatDuration, SECOND } from '../../model/time.js';
import type { EngineOptions } from '../options.js';
import { FEATURES, windowOf } from '../registry.js';

type Rules = Pick<EngineOptions, 'grace' | 'windows' | 'features'>;

const OWN = 'features.own.';

/** Returns the metadata by which a store remembers how its features are made. */
export function featureMetadata({ grace, windows, features = FEATURES }: Rules): Record<string, string> {
  const settable = features.filter(({ window }) => window !== undefined);
  const metadata = settable.map((feature) => [
    `features.window.${feature.name}`,
    formatDuration(windowOf(feature, windows) * SECOND),
  ]);
  const own = features
    .filter((feature) => feature.own !== undefined)
    .map(({ name, own: digest }) => [`${OWN}${name}`, `${digest}`]);
  return { ...Object.fromEntries([...metadata, ...own]), 'features.grace': formatDuration(grace) };
}

/** Throws a `UsageError` when the store has features that were made with other windows or another grace. */
export function requireSameFeatureRules(metadata: ReadonlyMap<string, string>, rules: Rules): void {
  requireSameModules(metadata, rules);
  for (const [setting, wanted] of Object.entries(featureMetadata(rules)).filter(([name]) => !name.startsWith(OWN))) {
    const known = metadata.get(setting);
    if (known === undefined || known === wanted) continue;
    const feature = /^features\.window\.(.+)$/.exec(setting)?.[1];
    const flag = (value: string) => (feature === undefined ? `--grace ${value}` : `--window ${feature}=${value}`);
    throw new UsageError(
      `${flag(wanted)}: the features of this store are made with ${flag(known)}; use that, another store, or -o FILE`,
    );
  }
}

/** Rows of which some have a feature, or were made by another version of its module, would be one column of two meanings. */
function requireSameModules(metadata: ReadonlyMap<string, string>, { features = FEATURES }: Rules): void {
  if (!metadata.has('features.grace')) return;
  const known = new Map(
    [...metadata].flatMap(([name, digest]) => (name.startsWith(OWN) ? [[name.slice(OWN.length), digest]] : [])),
  );
  const own = features.filter((feature) => feature.own !== undefined);
  const differing = own.find((feature) => known.get(feature.name) !== feature.own);
  if (differing !== undefined) {
    const how = known.has(differing.name) ? 'with another version of its module' : 'without it';
    throw new UsageError(
      `--feature ${differing.name}: the features of this store are made ${how}; use another store, or -o FILE`,
    );
  }
  const missing = [...known.keys()].find((name) => !own.some((feature) => feature.name === name));
  if (missing !== undefined)
    throw new UsageError(`the features of this store are made with your feature ${missing}; name its module with --feature`);
}
