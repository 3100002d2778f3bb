import { UsageError } from '../model/errors.js';
import type { MaintenanceTier } from '../model/maintenance-tier.js';
import { finite } from '../model/numbers.js';
import { Exact, type ExactValue } from '../model/ticks.js';

export const DIRECTIONS = ['long', 'short'] as const;
export const SPACINGS = ['arithmetic', 'geometric'] as const;
export const SIZINGS = ['reference', 'full'] as const;
export const MARGIN_MODES = ['isolated', 'cross'] as const;

export type Direction = (typeof DIRECTIONS)[number];
export type Spacing = (typeof SPACINGS)[number];
export type Sizing = (typeof SIZINGS)[number];
export type MarginMode = (typeof MARGIN_MODES)[number];

/** Order limits of a symbol. An absent limit is not checked, an absent step is not rounded to. */
type Limits<Value> = {
  readonly tickSize?: Value | undefined;
  readonly lotSize?: Value | undefined;
  readonly minAmount?: Value | undefined;
  readonly maxAmount?: Value | undefined;
  readonly minNotional?: Value | undefined;
  readonly maxLeverage?: Value | undefined;
  /** Fractions of the market price. */
  readonly priceBandUp?: Value | undefined;
  readonly priceBandDown?: Value | undefined;
  readonly maxOrders?: number | undefined;
};

export type GridLimits = Limits<ExactValue>;

/** Parameters of a grid as a caller writes them; ratios are fractions. Absent values take their default. */
export type GridInput = {
  readonly price: ExactValue;
  readonly deposit: ExactValue;
  readonly side?: Direction | undefined;
  readonly leverage?: ExactValue | undefined;
  readonly levels?: number | undefined;
  readonly coverage?: ExactValue | undefined;
  readonly multiplier?: ExactValue | undefined;
  readonly takeProfit?: ExactValue | undefined;
  readonly spacing?: Spacing | undefined;
  /** Distances of levels 1, 2, … from the price, increasing fractions; they replace `levels`, `coverage` and `spacing`. */
  readonly distances?: readonly ExactValue[] | undefined;
  readonly sizing?: Sizing | undefined;
  readonly marginMode?: MarginMode | undefined;
  readonly limits?: GridLimits | undefined;
  /** Maintenance tiers, smallest value first; they replace `maintenanceRate`. */
  readonly tiers?: readonly MaintenanceTier[] | undefined;
  readonly maintenanceRate?: ExactValue | undefined;
  readonly makerFee?: ExactValue | undefined;
  readonly takerFee?: ExactValue | undefined;
};

/** One maintenance tier in exact decimals, with an explicit lower bound. */
export type ExactTier = {
  readonly from: Exact;
  readonly upTo?: Exact | undefined;
  readonly rate: Exact;
  readonly deduction: Exact;
  readonly maxLeverage?: Exact | undefined;
};

/** A checked grid: every value present, exact and in range. */
export type GridParameters = {
  readonly side: Direction;
  readonly price: Exact;
  readonly deposit: Exact;
  readonly leverage: Exact;
  readonly levels: number;
  readonly coverage: Exact;
  readonly multiplier: Exact;
  readonly takeProfit: Exact;
  readonly spacing: Spacing | 'list';
  readonly distances?: readonly Exact[] | undefined;
  readonly sizing: Sizing;
  readonly marginMode: MarginMode;
  readonly limits: Limits<Exact>;
  readonly tiers: readonly ExactTier[];
  /** Whether `tiers` are those of an exchange; otherwise one tier with the flat maintenance rate. */
  readonly tiered: boolean;
  readonly makerFee: Exact;
  readonly takerFee: Exact;
};

/** Defaults of design section 8a. */
export const GRID_DEFAULTS = {
  side: 'long',
  leverage: '20',
  levels: 15,
  coverage: '0.4',
  multiplier: '1.3',
  takeProfit: '0.02',
  spacing: 'arithmetic',
  sizing: 'reference',
  marginMode: 'isolated',
  maintenanceRate: '0.005',
  makerFee: '0.0002',
  takerFee: '0.0006',
} as const;

/** Maximum number of levels: more than the open orders that any exchange allows on a symbol. */
const MAX_LEVELS = 500;
/** Σ multiplier^i must remain a finite double in records. */
const MAX_MULTIPLIER_SUM = new Exact('1e300');

const ZERO = new Exact(0);
const ONE = new Exact(1);

type Range = {
  readonly above?: Exact;
  readonly from?: Exact;
  readonly below?: Exact;
  readonly words: string;
  readonly percent?: true;
};
const POSITIVE: Range = { above: ZERO, words: 'above zero' };
const NOT_NEGATIVE: Range = { from: ZERO, words: 'zero or more' };
const AT_LEAST_ONE: Range = { from: ONE, words: 'at least 1' };
const FRACTION: Range = { above: ZERO, below: ONE, words: 'above 0 % and below 100 %', percent: true };
const SHARE: Range = { from: ZERO, below: ONE, words: 'from 0 % to below 100 %', percent: true };

/** Checks an input. Throws a one-line `UsageError` for the first invalid value. */
export function gridParameters(input: GridInput): GridParameters {
  const side = input.side ?? GRID_DEFAULTS.side;
  const limits = exactLimits(input.limits ?? {});
  const parameters: GridParameters = {
    side,
    price: inRange('price', input.price, POSITIVE),
    deposit: inRange('deposit', input.deposit, POSITIVE),
    leverage: inRange('leverage', input.leverage ?? GRID_DEFAULTS.leverage, AT_LEAST_ONE),
    multiplier: inRange('multiplier', input.multiplier ?? GRID_DEFAULTS.multiplier, POSITIVE),
    takeProfit: inRange('take profit', input.takeProfit ?? GRID_DEFAULTS.takeProfit, side === 'short' ? FRACTION : POSITIVE),
    ...spacingOf(input),
    sizing: input.sizing ?? GRID_DEFAULTS.sizing,
    marginMode: input.marginMode ?? GRID_DEFAULTS.marginMode,
    limits,
    tiers: exactTiers(input),
    tiered: input.tiers !== undefined,
    makerFee: inRange('maker fee', input.makerFee ?? GRID_DEFAULTS.makerFee, SHARE),
    takerFee: inRange('taker fee', input.takerFee ?? GRID_DEFAULTS.takerFee, SHARE),
  };
  checkTogether(parameters);
  return parameters;
}

/** Returns a checked grid with another price and deposit. Throws a `UsageError` if one of them is invalid. */
export function startedAt(grid: GridParameters, price: ExactValue, deposit: ExactValue): GridParameters {
  return { ...grid, price: inRange('price', price, POSITIVE), deposit: inRange('deposit', deposit, POSITIVE) };
}

function spacingOf(input: GridInput): Pick<GridParameters, 'levels' | 'coverage' | 'spacing' | 'distances'> {
  if (input.distances !== undefined) return listSpacing(input.distances);
  const levels = input.levels ?? GRID_DEFAULTS.levels;
  if (!Number.isInteger(levels) || levels < 2 || levels > MAX_LEVELS)
    throw new UsageError(`levels: expected a whole number from 2 to ${MAX_LEVELS}, was ${levels}`);
  return {
    levels,
    coverage: inRange('coverage', input.coverage ?? GRID_DEFAULTS.coverage, FRACTION),
    spacing: input.spacing ?? GRID_DEFAULTS.spacing,
  };
}

function listSpacing(values: readonly ExactValue[]): Pick<GridParameters, 'levels' | 'coverage' | 'spacing' | 'distances'> {
  if (values.length < 1 || values.length >= MAX_LEVELS)
    throw new UsageError(`spacing list: expected 1 to ${MAX_LEVELS - 1} distances, was ${values.length}`);
  const distances = values.map((value) => inRange('spacing list', value, FRACTION));
  for (const [index, distance] of distances.entries()) {
    const before = distances[index - 1];
    if (before?.gte(distance))
      throw new UsageError(
        `spacing list: expected increasing distances, was ${percentText(distance)} after ${percentText(before)}`,
      );
  }
  return { levels: distances.length + 1, coverage: distances.at(-1) as Exact, spacing: 'list', distances };
}

function exactLimits(limits: GridLimits): Limits<Exact> {
  const read = (name: string, value: ExactValue | undefined, range: Range) =>
    value === undefined ? undefined : inRange(name, value, range);
  if (limits.maxOrders !== undefined && !(Number.isInteger(limits.maxOrders) && limits.maxOrders > 0))
    throw new UsageError(`maximum orders: expected a whole number above zero, was ${limits.maxOrders}`);
  return {
    tickSize: read('tick size', limits.tickSize, POSITIVE),
    lotSize: read('lot size', limits.lotSize, POSITIVE),
    minAmount: read('minimum amount', limits.minAmount, NOT_NEGATIVE),
    maxAmount: read('maximum amount', limits.maxAmount, POSITIVE),
    minNotional: read('minimum notional', limits.minNotional, NOT_NEGATIVE),
    maxLeverage: read('maximum leverage', limits.maxLeverage, AT_LEAST_ONE),
    priceBandUp: read('price band', limits.priceBandUp, POSITIVE),
    priceBandDown: read('price band', limits.priceBandDown, POSITIVE),
    maxOrders: limits.maxOrders,
  };
}

function exactTiers(input: GridInput): readonly ExactTier[] {
  if (input.tiers === undefined) {
    const rate = inRange('maintenance rate', input.maintenanceRate ?? GRID_DEFAULTS.maintenanceRate, SHARE);
    return [{ from: ZERO, rate, deduction: ZERO }];
  }
  if (input.tiers.length === 0) throw new UsageError('maintenance tiers: expected at least one, found none');
  let from = ZERO;
  return input.tiers.map((tier) => {
    const exact = {
      from,
      upTo: tier.upTo === undefined ? undefined : inRange('tier bound', tier.upTo, { above: from, words: `above ${from}` }),
      rate: inRange('tier maintenance rate', tier.rate, SHARE),
      deduction: inRange('tier deduction', tier.deduction, NOT_NEGATIVE),
      maxLeverage: tier.maxLeverage === undefined ? undefined : new Exact(tier.maxLeverage),
    };
    from = exact.upTo ?? from;
    return exact;
  });
}

/** Checks values against each other. The tick size is checked against the level distance in `tickPrices`. */
function checkTogether({ leverage, multiplier, levels, limits }: GridParameters): void {
  if (limits.maxLeverage?.lt(leverage))
    throw new UsageError(`leverage: expected at most the ${limits.maxLeverage}x that the instrument allows, was ${leverage}x`);
  if (limits.minAmount !== undefined && limits.maxAmount?.lt(limits.minAmount))
    throw new UsageError(`maximum amount: expected at least the minimum ${limits.minAmount}, was ${limits.maxAmount}`);
  if (multiplier.gt(1) && multiplier.pow(levels).gt(MAX_MULTIPLIER_SUM))
    throw new UsageError(
      `multiplier: ${multiplier} over ${levels} levels is too large; use a smaller multiplier or fewer levels`,
    );
}

function inRange(name: string, value: ExactValue, range: Range): Exact {
  const number = read(value);
  const inside =
    number?.isFinite() &&
    (range.above === undefined || number.gt(range.above)) &&
    (range.from === undefined || number.gte(range.from)) &&
    (range.below === undefined || number.lt(range.below));
  if (!inside) {
    const found = range.percent && number?.isFinite() ? percentText(number) : value;
    throw new UsageError(`${name}: expected a number ${range.words}, was ${found}`);
  }
  return number as Exact;
}

function percentText(fraction: Exact): string {
  return `${fraction.times(100)} %`;
}

/** Parses decimal text only; `0x10` and `1_000` are refused. */
function read(value: ExactValue): Exact | undefined {
  return typeof value === 'object' || finite(value) !== undefined ? new Exact(value) : undefined;
}
