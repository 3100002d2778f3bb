import { Exact } from '../model/ticks.js';
import type { GridParameters } from './parameters.js';
import { ladder, weightsOf } from './sizing.js';
import { levelPrices } from './spacing.js';

/** An order in numbers: those nearest to the exact decimals. */
export type NumberOrder = { readonly price: number; readonly amount: number };

/**
 * How far a result of this file may be from the exact one, as a fraction of it; twice what follows. Everything is a chain of
 * sums, products and quotients of positive numbers, each of which errs by 2^-53 at most (IEEE 754, as does reading a decimal
 * into a number), and no chain has more than 2^11 links: 500 levels, or `MOST_FILLS`. The decimals themselves err by 10^-27
 * at most, being of 40 digits, read to 30 (`model/ticks.ts`) and, where they are differences, not below `LEAST`.
 */
const ERROR = 2 ** -40;
export const MOST_FILLS = 500;
/** Factors and steps of a ladder below this, as fractions of the price, are left to the decimals. */
const LEAST = 2 ** -20;
/** Prices, amounts and deposits are kept this far from where doubles lose digits, or end. */
const SMALL = 1e-90;
const LARGE = 1e90;
/** Powers of ten up to here are doubles without an error. */
const MOST_DECIMALS = 22;
/** Two decimals of so many digits are never the same double, so each is the shortest text of its own. */
const OWN_TEXT = 1e15;

/**
 * Multiples of a tick or a lot, in doubles. NaN stands for "cannot tell": within the error there are both sides of a multiple.
 * Otherwise the number is the one that the exact decimal becomes, since a whole number over a power of ten is rounded once.
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

  static of(step: Exact | undefined): Multiples | undefined {
    const decimals = step?.decimalPlaces() ?? MOST_DECIMALS + 1;
    if (step === undefined || decimals > MOST_DECIMALS) return undefined;
    const numerator = step.times(new Exact(10).pow(decimals)).toNumber();
    return Number.isSafeInteger(numerator) ? new Multiples(numerator, decimals) : undefined;
  }

  /** Returns the number that so many steps are. */
  times(count: number): number {
    const numerator = count * this.#numerator;
    return numerator <= Number.MAX_SAFE_INTEGER ? numerator / this.#scale : Number.NaN;
  }

  countDown(value: number): number {
    const count = value / this.size;
    const least = Math.floor(count * (1 - ERROR));
    return least === Math.floor(count * (1 + ERROR)) ? least : Number.NaN;
  }

  countUp(value: number): number {
    const count = value / this.size;
    const least = Math.ceil(count * (1 - ERROR));
    return least === Math.ceil(count * (1 + ERROR)) ? least : Number.NaN;
  }

  /** Whether the shortest text of a number, which is what decimals read of it, is a multiple. */
  has(value: number): boolean {
    const count = Math.round(value / this.size);
    return count * this.#numerator < OWN_TEXT && this.times(count) === value;
  }
}

/** Returns the price of the take profit of a position, given Σ amount × price and Σ amount; NaN where it cannot tell. */
export type TargetFilter = (cost: number, amount: number) => number;

/** Returns `takeProfitPrice` in doubles, for positions of up to `MOST_FILLS` fills, none of which took anything away. */
export function targetFilter({ side, takeProfit, limits }: GridParameters): TargetFilter {
  const ticks = Multiples.of(limits.tickSize);
  const factor = new Exact(1).plus(takeProfit.times(side === 'long' ? 1 : -1)).toNumber();
  if (ticks === undefined || !(factor >= LEAST && factor < LARGE)) return () => Number.NaN;
  return (cost, amount) => {
    if (!(isModerate(cost) && isModerate(amount))) return Number.NaN;
    const target = (cost / amount) * factor;
    return ticks.times(side === 'long' ? ticks.countUp(target) : ticks.countDown(target));
  };
}

/** Returns the orders of the ladder at a price and with a deposit; undefined where it cannot tell. */
export type LadderFilter = (price: number, deposit: number) => NumberOrder[] | undefined;

/**
 * Returns `ladder` in doubles, as filters of adaptive-precision predicates answer (Shewchuk 1997): only where the rounding
 * to ticks and lots cannot come out otherwise. A ladder scales: its prices are those of a price of one, times the price, its
 * amounts those of a deposit of one at that price, times deposit / price. Both are worked out once, in decimals.
 */
export function ladderFilter(grid: GridParameters): LadderFilter {
  const ticks = Multiples.of(grid.limits.tickSize);
  const lots = Multiples.of(grid.limits.lotSize);
  const one = new Exact(1);
  const unit = { ...grid, price: one, deposit: one, limits: {} };
  const prices = levelPrices(unit).map((price) => price.toNumber());
  const { baseAmount } = ladder(unit);
  const amounts = weightsOf(unit).map((weight) => baseAmount.times(weight).toNumber());
  const smallestStep = Math.min(...prices.slice(1).map((price, index) => Math.abs(price - (prices[index] as number))));
  const isRegular = amounts.every(isModerate) && Math.min(smallestStep, ...prices) >= LEAST;
  if (ticks === undefined || lots === undefined || !isRegular) return () => undefined;
  const shape = { prices, amounts, smallestStep, ticks, lots, rises: grid.side === 'short' };
  const leverage = grid.leverage.toNumber();
  return (price, deposit) => {
    if (!(isModerate(price) && isModerate(deposit))) return undefined;
    const found = placed(shape, price, deposit / price);
    return found !== undefined && lower(found, lots, deposit * leverage) ? ordersOf(found, lots) : undefined;
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
type Placed = { readonly prices: Float64Array; readonly counts: Float64Array };

function placed({ ticks, lots, rises, ...unit }: Shape, price: number, amount: number): Placed | undefined {
  // A difference of factors not below 2^-20 has lost 20 bits of 53: with those, 2^-30 is far more than its error.
  if (!(price * unit.smallestStep * (1 - 2 ** -30) > ticks.size)) return undefined;
  const prices = new Float64Array(unit.prices.length);
  const counts = new Float64Array(unit.prices.length);
  for (let level = 0; level < prices.length; level++) {
    const wanted = price * (unit.prices[level] as number);
    // Level 0 is at the price itself, which is on a tick where it was traded.
    const isExact = level === 0 && ticks.has(price);
    prices[level] = isExact ? price : ticks.times(rises ? ticks.countUp(wanted) : ticks.countDown(wanted));
    counts[level] = lots.countDown(amount * (unit.amounts[level] as number));
    if (!((prices[level] as number) > 0 && lots.times(counts[level] as number) >= 0)) return undefined;
  }
  return { prices, counts };
}

/** Takes lots away, the last level first, until the budget is kept. Returns whether it could tell how many. */
function lower({ prices, counts }: Placed, lots: Multiples, budget: number): boolean {
  let excess = -budget;
  for (let level = 0; level < prices.length; level++) excess += (prices[level] as number) * lots.times(counts[level] as number);
  const error = ERROR * (2 * budget + Math.abs(excess));
  for (let level = prices.length - 1; level >= 0; level--) {
    if (excess < -error) return true;
    if (!(excess > error)) return false;
    const value = (prices[level] as number) * lots.size;
    const held = counts[level] as number;
    const least = Math.ceil((excess - error) / value);
    if (least >= held) {
      counts[level] = 0;
      excess -= held * value;
      continue;
    }
    if (least !== Math.ceil((excess + error) / value)) return false;
    counts[level] = held - least;
    return true;
  }
  return false;
}

function ordersOf({ prices, counts }: Placed, lots: Multiples): NumberOrder[] {
  return Array.from(prices, (price, level) => ({ price, amount: lots.times(counts[level] as number) }));
}

function isModerate(value: number): boolean {
  return value > SMALL && value < LARGE;
}
