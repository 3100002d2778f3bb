import type { RecordOf, Side } from '../model/records.js';
import type { SignalRules } from './rules.js';

/** The features of the triggers, and the rule with the threshold of each. */
export const TRIGGERS = [
  { feature: 'delta_z', property: 'deltaZ' },
  { feature: 'imb_shift', property: 'imbShift' },
  { feature: 'mark_dev_z', property: 'markDevZ' },
] as const;

/** Returns the side that all triggers agree on: `buy` goes long. Undefined where one is missing or too small. */
export function triggeredSide(row: RecordOf<'features'>, rules: SignalRules): Side | undefined {
  if (TRIGGERS.every(({ property }) => reaches(row[property], rules[property]))) return 'buy';
  if (TRIGGERS.every(({ property }) => reaches(negative(row[property]), rules[property]))) return 'sell';
  return undefined;
}

function reaches(value: number | undefined, threshold: number): boolean {
  return value !== undefined && value >= threshold;
}

function negative(value: number | undefined): number | undefined {
  return value === undefined ? undefined : -value;
}
