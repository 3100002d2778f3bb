import { UsageError } from '../model/errors.js';
import { HOUR, MINUTE, SECOND } from '../model/time.js';

export const GATES = ['spread', 'volatility', 'warm', 'gap', 'age'] as const;
export type Gate = (typeof GATES)[number];

/** A distance from the price: a multiple of the ATR, clamped between two fractions of the price. */
export type Distance = { readonly atr: number; readonly min: number; readonly max: number };

/** A feature that must reach a threshold for a long, and its mirror for a short. */
export type Trigger = { readonly feature: string; readonly threshold?: number | undefined };

/** The rules of signals. Fractions are fractions (0.4 % is 0.004), durations microseconds. */
export type SignalRules = {
  readonly gates: readonly Gate[];
  readonly maxSpreadBps: number;
  readonly minAtr: number;
  readonly maxAtr: number;
  readonly maxAge: number;
  /** Thresholds of the triggers; a short needs their mirror. */
  readonly deltaZ: number;
  readonly imbShift: number;
  readonly markDevZ: number;
  /** The features that must agree; delta_z, imb_shift and mark_dev_z without it, and without a threshold of their own. */
  readonly triggers?: readonly Trigger[] | undefined;
  /** Per symbol and side. */
  readonly cooldown: number;
  readonly stop: Distance;
  readonly takeProfit: Distance;
  readonly trailing: Distance;
  /** The trailing stop is armed at this share of the take profit. */
  readonly trailingArm: number;
  readonly timeout: number;
};

export const DEFAULT_RULES: SignalRules = {
  gates: GATES,
  maxSpreadBps: 3,
  minAtr: 0.0015,
  maxAtr: 0.03,
  maxAge: 5 * SECOND,
  deltaZ: 2,
  imbShift: 0.15,
  markDevZ: 1,
  cooldown: 15 * MINUTE,
  stop: { atr: 1.2, min: 0.004, max: 0.01 },
  takeProfit: { atr: 2, min: 0.01, max: 0.02 },
  trailing: { atr: 0.8, min: 0.003, max: 0.008 },
  trailingArm: 0.6,
  timeout: 4 * HOUR,
};

/** Checks that the rules fit together and returns them. Throws a `UsageError` that names `where` they are set. */
export function checkedRules(rules: SignalRules, where: string): SignalRules {
  const refuse = (message: string): never => {
    throw new UsageError(`${where}: ${message}`);
  };
  for (const [name, value] of [
    ['delta-z', rules.deltaZ],
    ['imb-shift', rules.imbShift],
    ['mark-dev-z', rules.markDevZ],
  ] as const) {
    if (!(value >= 0)) refuse(`expected ${name} of at least 0 (a short needs its mirror), was ${value}`);
  }
  if (!(rules.minAtr <= rules.maxAtr)) refuse(`expected min-atr of at most max-atr ${rules.maxAtr}, was ${rules.minAtr}`);
  for (const { feature, threshold } of rules.triggers ?? [])
    if (threshold !== undefined && !(threshold >= 0))
      refuse(`expected a threshold of ${feature} of at least 0 (a short needs its mirror), was ${threshold}`);
  for (const name of ['stop', 'takeProfit', 'trailing'] as const) {
    const { min, max } = rules[name];
    if (!(min > 0 && min <= max && max < 1))
      refuse(`expected ${name} between 0 and 1 and its min at most its max, was ${min} to ${max}`);
  }
  if (!(rules.trailingArm > 0 && rules.trailingArm <= 1))
    refuse(`expected trailing-arm above 0 and at most 1, was ${rules.trailingArm}`);
  if (!(rules.timeout >= SECOND)) refuse('expected timeout of at least 1s');
  return rules;
}
