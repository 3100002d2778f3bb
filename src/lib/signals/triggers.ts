import type { RecordOf, Side } from '../model/records.js';
import { camelCase } from '../model/schema.js';
import type { SignalRules } from './rules.js';

type FeatureRow = RecordOf<'features'>;

/** The features of the triggers, and the rule with the threshold of each. */
export const TRIGGERS = [
  { feature: 'delta_z', property: 'deltaZ' },
  { feature: 'imb_shift', property: 'imbShift' },
  { feature: 'mark_dev_z', property: 'markDevZ' },
] as const;

/** Returns the side that all triggers agree on: `buy` goes long. Undefined where one is missing or too small. */
export function triggeredSide(row: FeatureRow, rules: SignalRules): Side | undefined {
  const reached = reachedBy(row, rules);
  if (reached((value) => value)) return 'buy';
  return reached((value) => -value) ? 'sell' : undefined;
}

/** Returns whether the values of a row, or their mirrors, reach every threshold. */
function reachedBy(row: FeatureRow, rules: SignalRules): (turn: (value: number) => number) => boolean {
  const { triggers } = rules;
  if (triggers === undefined) return (turn) => TRIGGERS.every(({ property }) => reaches(row[property], rules[property], turn));
  return (turn) =>
    triggers.every(({ feature, threshold }) =>
      reaches(valueOfTrigger(row, feature), threshold ?? defaultOf(feature, rules), turn),
    );
}

function reaches(value: number | undefined, threshold: number, turn: (value: number) => number): boolean {
  return value !== undefined && turn(value) >= threshold;
}

function defaultOf(feature: string, rules: SignalRules): number {
  const known = TRIGGERS.find((trigger) => trigger.feature === feature);
  return known ? rules[known.property] : Number.POSITIVE_INFINITY;
}

/** Returns the triggers of a symbol with the threshold of each. */
export function triggersOf(rules: SignalRules): { readonly feature: string; readonly threshold: number }[] {
  const triggers = rules.triggers ?? TRIGGERS.map(({ feature }) => ({ feature, threshold: undefined }));
  return triggers.map(({ feature, threshold }) => ({ feature, threshold: threshold ?? defaultOf(feature, rules) }));
}

/** Returns the value of a feature by its name, one of mdtool's or of the user's. */
export function valueOfTrigger(row: FeatureRow, feature: string): number | undefined {
  const own = row.own as Readonly<Record<string, number>> | undefined;
  const value = own?.[feature] ?? (row as unknown as Readonly<Record<string, unknown>>)[camelCase(feature)];
  return typeof value === 'number' ? value : undefined;
}
