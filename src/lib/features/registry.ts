import { UsageError } from '../model/errors.js';
import { SECOND } from '../model/time.js';
import { imbalanceShift, micropriceDeviation, orderFlowImbalance, spread } from './book.js';
import { basis, fundingRate, markDeviation, openInterestChange } from './derivatives.js';
import type { Feature } from './feature.js';
import { cvd, deltaZ } from './flow.js';
import { atr, atrShare, realizedVolatility } from './volatility.js';

/** Every feature, in the order of the columns; adding one is a line here and its column in the record. */
export const FEATURES: readonly Feature[] = [
  deltaZ,
  cvd,
  imbalanceShift,
  orderFlowImbalance,
  micropriceDeviation,
  markDeviation,
  openInterestChange,
  atr,
  atrShare,
  realizedVolatility,
  basis,
  fundingRate,
  spread,
];

/** Features of gates and triggers: a row is warm when all of them have a value. */
export const SIGNAL_FEATURES: ReadonlySet<string> = new Set([
  'delta_z',
  'imb_shift',
  'mark_dev_z',
  'spread_bps',
  'atr15m',
  'atr15m_pct',
]);

/** Windows in seconds that differ from the default, by feature. */
export type Windows = ReadonlyMap<string, number>;

/** Names of features with windows in microseconds. */
export type GivenWindows = Iterable<readonly [name: string, duration: number]>;

const SHORTEST = 2;
/** The longest window in seconds: a store is read back so far. */
export const LONGEST = 86_400;

/** Returns the window of a feature in seconds, 1 where it has none. */
export function windowOf(feature: Feature, windows: Windows): number {
  return windows.get(feature.name) ?? feature.window ?? 1;
}

/** Returns windows given in microseconds, checked. Throws a `UsageError` that names what can be set. */
export function checkedWindows(given: GivenWindows, features: readonly Feature[] = FEATURES): Windows {
  const windows = new Map<string, number>();
  for (const [name, duration] of given) {
    const feature = features.find((known) => known.name === name);
    if (feature?.window === undefined) {
      const settable = features.filter(({ window }) => window !== undefined).map((known) => known.name);
      throw new UsageError(`window: expected one of ${settable.join(', ')}, was "${name}"`);
    }
    const seconds = duration / SECOND;
    if (!Number.isInteger(seconds) || seconds < SHORTEST || seconds > LONGEST)
      throw new UsageError(`window of ${name}: expected whole seconds from ${SHORTEST}s to 1d, was ${seconds}s`);
    windows.set(name, seconds);
  }
  return windows;
}
