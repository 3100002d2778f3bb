import { UsageError } from '../../model/errors.js';
import type { CandleInterval } from '../../model/interval.js';
import type { EmptyRule, OpenRule } from '../options.js';

type CandleRules = { readonly open: OpenRule; readonly empty: EmptyRule };

/** Returns the metadata by which a store remembers how its candles of an interval are built. */
export function ruleMetadata({ name }: CandleInterval, { open, empty }: CandleRules): Record<string, string> {
  return { [`candles.${name}.open`]: open, [`candles.${name}.empty`]: empty };
}

/** Throws a `UsageError` when the store has candles of one of the intervals that were built by other rules. */
export function requireSameRules(
  metadata: ReadonlyMap<string, string>,
  intervals: readonly CandleInterval[],
  rules: CandleRules,
): void {
  for (const interval of intervals) {
    for (const [setting, wanted] of Object.entries(ruleMetadata(interval, rules))) {
      const known = metadata.get(setting);
      const flag = setting.slice(setting.lastIndexOf('.') + 1);
      if (known !== undefined && known !== wanted)
        throw new UsageError(
          `--${flag} ${wanted}: the ${interval.name} candles of this store are built with --${flag} ${known}; use that, another store, or -o FILE`,
        );
    }
  }
}
