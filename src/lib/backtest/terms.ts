import { UsageError } from '../model/errors.js';
import type { MaintenanceTier } from '../model/maintenance-tier.js';
import { MICROSECONDS_PER_MILLISECOND } from '../model/time.js';

export const FILL_RULES = ['through', 'touch', 'volume'] as const;
export type FillRule = (typeof FILL_RULES)[number];

/** Order of a candle's extremes; `worse` and `better` visit the adverse or the favourable extreme of each position first. */
export const PATHS = ['high-first', 'low-first', 'worse', 'better'] as const;
export type Path = (typeof PATHS)[number];

/** Returns whether the high comes first; `worse` and `better` depend on the direction of the position. */
export function isHighFirst(path: Path, net: number): boolean {
  if (path === 'high-first' || path === 'low-first') return path === 'high-first';
  return net > 0 === (path === 'better');
}

/** Fees, order limits and margin rules of a run. Ratios are fractions, amounts are base units. */
export type ExecutionTerms = {
  readonly deposit: number;
  readonly leverage: number;
  readonly marginMode: 'isolated' | 'cross';
  readonly makerFee: number;
  readonly takerFee: number;
  /** Price disadvantage of taker fills, a fraction of the price. */
  readonly slippage: number;
  /** Microseconds between a decision and its effect. */
  readonly latency: number;
  readonly fill: FillRule;
  readonly tiers: readonly MaintenanceTier[];
  /** Spot: no leverage, no shorts, no liquidation. */
  readonly spot: boolean;
  readonly tickSize?: number | undefined;
  readonly lotSize?: number | undefined;
  readonly minAmount?: number | undefined;
  readonly minNotional?: number | undefined;
};

/** Starting equity of an account, quote units, where the user names none. */
export const DEFAULT_DEPOSIT = 10_000;
/** Latency on trades: about the time of an order to Bitget or Bybit from outside their data centre. */
export const TRADE_LATENCY = 100 * MICROSECONDS_PER_MILLISECOND;

/** Terms as a caller writes them: absent values take their default. */
type ExecutionTermsInput = { readonly [Name in keyof ExecutionTerms]?: ExecutionTerms[Name] | undefined } & Pick<
  ExecutionTerms,
  'deposit'
>;

/** Defaults: fees and maintenance rate of design section 8a, no slippage, no latency. */
const TERMS_DEFAULTS = {
  leverage: 1,
  marginMode: 'isolated',
  makerFee: 0.0002,
  takerFee: 0.0006,
  slippage: 0,
  latency: 0,
  fill: 'through',
  tiers: [{ rate: 0.005, deduction: 0 }],
  spot: false,
} as const satisfies Omit<ExecutionTerms, 'deposit'>;

/** Builds complete terms. Throws a one-line `UsageError` for the first invalid value. */
export function buildTerms(input: ExecutionTermsInput): ExecutionTerms {
  // A full literal: V8 reads its fields far faster than those of an object built by spreading.
  const terms: ExecutionTerms = {
    deposit: input.deposit,
    leverage: input.leverage ?? TERMS_DEFAULTS.leverage,
    marginMode: input.marginMode ?? TERMS_DEFAULTS.marginMode,
    makerFee: input.makerFee ?? TERMS_DEFAULTS.makerFee,
    takerFee: input.takerFee ?? TERMS_DEFAULTS.takerFee,
    slippage: input.slippage ?? TERMS_DEFAULTS.slippage,
    latency: input.latency ?? TERMS_DEFAULTS.latency,
    fill: input.fill ?? TERMS_DEFAULTS.fill,
    tiers: input.tiers ?? TERMS_DEFAULTS.tiers,
    spot: input.spot ?? TERMS_DEFAULTS.spot,
    tickSize: input.tickSize,
    lotSize: input.lotSize,
    minAmount: input.minAmount,
    minNotional: input.minNotional,
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
