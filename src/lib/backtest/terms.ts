import { UsageError } from '../model/errors.js';
import type { MaintenanceTier } from '../model/maintenance-tier.js';

export const FILL_RULES = ['through', 'touch', 'volume'] as const;
export type FillRule = (typeof FILL_RULES)[number];

/** In which order a candle's extremes come; `worse` and `better` take the one that is against, or for, what is held. */
export const PATHS = ['high-first', 'low-first', 'worse', 'better'] as const;
export type Path = (typeof PATHS)[number];

/** Fees, limits and margin of a run: what an exchange would apply. Ratios are fractions, amounts base units. */
export type Terms = {
  readonly deposit: number;
  readonly leverage: number;
  readonly marginMode: 'isolated' | 'cross';
  readonly makerFee: number;
  readonly takerFee: number;
  /** Fraction of the price that a taker's fill is worse by. */
  readonly slippage: number;
  /** Microseconds between a decision and its effect. */
  readonly latency: number;
  readonly fill: FillRule;
  readonly tiers: readonly MaintenanceTier[];
  /** Spot: no leverage, no shorts, nothing to liquidate. */
  readonly spot: boolean;
  readonly tickSize?: number | undefined;
  readonly lotSize?: number | undefined;
  readonly minAmount?: number | undefined;
  readonly minNotional?: number | undefined;
};

/** Terms as a caller writes them: what is absent takes its default. */
export type GivenTerms = { readonly [Name in keyof Terms]?: Terms[Name] | undefined } & Pick<Terms, 'deposit'>;

/** What is not given: the fees and maintenance of design section 8a, no slippage, no latency. */
export const TERMS_DEFAULTS = {
  leverage: 1,
  marginMode: 'isolated',
  makerFee: 0.0002,
  takerFee: 0.0006,
  slippage: 0,
  latency: 0,
  fill: 'through',
  tiers: [{ rate: 0.005, deduction: 0 }],
  spot: false,
} as const satisfies Omit<Terms, 'deposit'>;

/** Returns complete terms. Throws a `UsageError` of one line on the first value that makes no sense. */
export function termsOf(given: GivenTerms): Terms {
  // Written out: V8 reads a literal's fields far faster than those of an object that was put together.
  const terms: Terms = {
    deposit: given.deposit,
    leverage: given.leverage ?? TERMS_DEFAULTS.leverage,
    marginMode: given.marginMode ?? TERMS_DEFAULTS.marginMode,
    makerFee: given.makerFee ?? TERMS_DEFAULTS.makerFee,
    takerFee: given.takerFee ?? TERMS_DEFAULTS.takerFee,
    slippage: given.slippage ?? TERMS_DEFAULTS.slippage,
    latency: given.latency ?? TERMS_DEFAULTS.latency,
    fill: given.fill ?? TERMS_DEFAULTS.fill,
    tiers: given.tiers ?? TERMS_DEFAULTS.tiers,
    spot: given.spot ?? TERMS_DEFAULTS.spot,
    tickSize: given.tickSize,
    lotSize: given.lotSize,
    minAmount: given.minAmount,
    minNotional: given.minNotional,
  };
  positive('deposit', terms.deposit);
  if (!(terms.leverage >= 1)) throw new UsageError(`leverage: expected at least 1, was ${terms.leverage}`);
  if (terms.spot && terms.leverage !== 1) throw new UsageError(`leverage: expected 1 on spot, was ${terms.leverage}`);
  fraction('maker fee', Math.abs(terms.makerFee));
  fraction('taker fee', terms.takerFee);
  fraction('slippage', terms.slippage);
  if (!(terms.latency >= 0)) throw new UsageError(`latency: expected zero or more, was ${terms.latency}`);
  for (const [name, value] of [['tick size', terms.tickSize] as const, ['lot size', terms.lotSize] as const])
    if (value !== undefined) positive(name, value);
  if (terms.tiers.length === 0) throw new UsageError('maintenance tiers: expected at least one, found none');
  for (const { rate } of terms.tiers) fraction('maintenance rate', rate);
  return terms;
}

function positive(name: string, value: number): void {
  if (!(Number.isFinite(value) && value > 0)) throw new UsageError(`${name}: expected a number above zero, was ${value}`);
}

function fraction(name: string, value: number): void {
  if (!(value >= 0 && value < 1)) throw new UsageError(`${name}: expected from 0 % to below 100 %, was ${value * 100} %`);
}
