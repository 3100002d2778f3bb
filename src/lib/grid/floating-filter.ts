import { Exact } from '../model/ticks.js';
import type { GridParameters } from './parameters.js';
import { ladder, weightsOf } from './sizing.js';
import { levelPrices } from './spacing.js';

/** An order in doubles: the doubles nearest to the exact decimals. */
type NumberOrder = { readonly price: number; readonly amount: number };

/**
 * Bound on the relative error of every result in this file, with a factor of two to spare. Each result is a chain of sums,
 * products and quotients of positive numbers. Each operation errs by at most 2^-53 (IEEE 754; so does parsing a decimal),
 * and no chain has more than 2^11 operations: 500 levels, or `MAX_FILLS`. The decimals err by at most 10^-27: they have 40
 * digits, 30 of them used (`model/ticks.ts`), and differences are not below `MIN_FACTOR`.
 */
const ERROR = 2 ** -40;
export const MAX_FILLS = 500;
/** Factors and steps of a ladder below this fraction of the price are computed in decimals. */
const MIN_FACTOR = 2 ** -20;
/** Range of prices, amounts and deposits, far from where doubles lose digits or overflow. */
const SMALL = 1e-90;
const LARGE = 1e90;
/** Powers of ten up to this exponent are exact doubles. */
const MAX_DECIMALS = 22;
/** Below 1e15 (15 significant digits) a decimal maps to a unique double and is its shortest form. */
const UNIQUE_BELOW = 1e15;

/**
 * Multiples of a tick or a lot, in doubles. NaN means "undecided": the error bound contains a multiple, so rounding could go
 * either way. Any other result equals the exact decimal as a double, because an integer over a power of ten is rounded once.
 */
class Multiples {
  readonly size: number;
  readonly #numerator: number;
  readonly #scale: number;

  private constructor(numerator: number, decimals: number) {
    this.#numerator = numerator;
    this.#scale = Number(`1e${decimals}`);
    this.size = numerator / this.#scale;
  }

  static create(step: Exact | undefined): Multiples | undefined {
    const decimals = step?.decimalPlaces() ?? MAX_DECIMALS + 1;
    if (step === undefined || decimals > MAX_DECIMALS) return undefined;
    const numerator = step.times(new Exact(10).pow(decimals)).toNumber();
    return Number.isSafeInteger(numerator) ? new Multiples(numerator, decimals) : undefined;
  }

  /** Returns `count` steps as a double. */
  times(count: number): number {
    const numerator = count * this.#numerator;
    return numerator <= Number.MAX_SAFE_INTEGER ? numerator / this.#scale : Number.NaN;
  }

  countDown(value: number): number {
    const count = value / this.size;
    const lower = Math.floor(count * (1 - ERROR));
    return lower === Math.floor(count * (1 + ERROR)) ? lower : Number.NaN;
  }

  countUp(value: number): number {
    const count = value / this.size;
    const lower = Math.ceil(count * (1 - ERROR));
    return lower === Math.ceil(count * (1 + ERROR)) ? lower : Number.NaN;
  }

  /** Returns whether the shortest decimal form of a number is a multiple. */
  has(value: number): boolean {
    const count = Math.round(value / this.size);
    return count * this.#numerator < UNIQUE_BELOW && this.times(count) === value;
  }
}

/** Computes the take-profit price from Σ amount × price and Σ amount; NaN if undecided. */
export type TargetFilter = (cost: number, amount: number) => number;

/** Creates `takeProfitPrice` in doubles, for positions of up to `MAX_FILLS` opening fills and no closing one. */
export function createTargetFilter({ side, takeProfit, limits }: GridParameters): TargetFilter {
  const ticks = Multiples.create(limits.tickSize);
  const factor = new Exact(1).plus(takeProfit.times(side === 'long' ? 1 : -1)).toNumber();
  if (ticks === undefined || !(factor >= MIN_FACTOR && factor < LARGE)) return () => Number.NaN;
  return (cost, amount) => {
    if (!(isModerate(cost) && isModerate(amount))) return Number.NaN;
    const target = (cost / amount) * factor;
    return ticks.times(side === 'long' ? ticks.countUp(target) : ticks.countDown(target));
  };
}

/** Computes the orders of the ladder for a price and a deposit; undefined if undecided. */
type LadderFilter = (price: number, deposit: number) => NumberOrder[] | undefined;

/**
 * Creates `ladder` in doubles, a filter as in adaptive-precision predicates (Shewchuk 1997): it answers only if rounding to
 * ticks and lots has one possible result. A ladder scales: prices are those of a start price of one times the price, amounts
 * those of a deposit of one times deposit / price. Both unit ladders are computed once, in decimals.
 */
export function createLadderFilter(grid: GridParameters): LadderFilter {
  const ticks = Multiples.create(grid.limits.tickSize);
  const lots = Multiples.create(grid.limits.lotSize);
  const one = new Exact(1);
  const unit = { ...grid, price: one, deposit: one, limits: {} };
  const prices = levelPrices(unit).map((price) => price.toNumber());
  const { baseAmount } = ladder(unit);
  const amounts = weightsOf(unit).map((weight) => baseAmount.times(weight).toNumber());
  const smallestStep = Math.min(...prices.slice(1).map((price, index) => Math.abs(price - (prices[index] as number))));
  const isRegular = amounts.every(isModerate) && Math.min(smallestStep, ...prices) >= MIN_FACTOR;
  if (ticks === undefined || lots === undefined || !isRegular) return () => undefined;
  const shape = { prices, amounts, smallestStep, ticks, lots, rises: grid.side === 'short' };
  const leverage = grid.leverage.toNumber();
  return (price, deposit) => {
    if (!(isModerate(price) && isModerate(deposit))) return undefined;
    const rounded = roundLadder(shape, price, deposit / price);
    return rounded !== undefined && fitToBudget(rounded, lots, deposit * leverage) ? ordersOf(rounded, lots) : undefined;
  };
}

type Shape = {
  /** For a price of one. */
  readonly prices: readonly number[];
  /** For a deposit of one at a price of one. */
  readonly amounts: readonly number[];
  readonly smallestStep: number;
  readonly ticks: Multiples;
  readonly lots: Multiples;
  readonly rises: boolean;
};

/** Prices on ticks, and amounts as numbers of lots. */
type RoundedLadder = { readonly prices: Float64Array; readonly counts: Float64Array };

function roundLadder({ ticks, lots, rises, ...unit }: Shape, price: number, amount: number): RoundedLadder | undefined {
  // A difference of factors not below 2^-20 loses at most 20 of 53 bits, so 2^-30 is far above its error.
  if (!(price * unit.smallestStep * (1 - 2 ** -30) > ticks.size)) return undefined;
  const prices = new Float64Array(unit.prices.length);
  const counts = new Float64Array(unit.prices.length);
  for (let level = 0; level < prices.length; level++) {
    const exact = price * (unit.prices[level] as number);
    // Level 0 is at the start price, which is on a tick if it is a traded price.
    const isExact = level === 0 && ticks.has(price);
    prices[level] = isExact ? price : ticks.times(rises ? ticks.countUp(exact) : ticks.countDown(exact));
    counts[level] = lots.countDown(amount * (unit.amounts[level] as number));
    if (!((prices[level] as number) > 0 && lots.times(counts[level] as number) >= 0)) return undefined;
  }
  return { prices, counts };
}

/** Lowers amounts by lots, last level first, until the ladder fits the budget. Returns false if undecided. */
function fitToBudget({ prices, counts }: RoundedLadder, lots: Multiples, budget: number): boolean {
  let excess = -budget;
  for (let level = 0; level < prices.length; level++) excess += (prices[level] as number) * lots.times(counts[level] as number);
  const error = ERROR * (2 * budget + Math.abs(excess));
  for (let level = prices.length - 1; level >= 0; level--) {
    if (excess < -error) return true;
    if (!(excess > error)) return false;
    const value = (prices[level] as number) * lots.size;
    const held = counts[level] as number;
    const cut = Math.ceil((excess - error) / value);
    if (cut >= held) {
      counts[level] = 0;
      excess -= held * value;
      continue;
    }
    if (cut !== Math.ceil((excess + error) / value)) return false;
    counts[level] = held - cut;
    return true;
  }
  return false;
}

function ordersOf({ prices, counts }: RoundedLadder, lots: Multiples): NumberOrder[] {
  return Array.from(prices, (price, level) => ({ price, amount: lots.times(counts[level] as number) }));
}

function isModerate(value: number): boolean {
  return value > SMALL && value < LARGE;
}
