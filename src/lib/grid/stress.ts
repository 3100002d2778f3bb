import { FailureError } from '../model/errors.js';
import { isLaterCopy } from '../model/order.js';
import type { Candle } from '../model/records.js';
import type { Exact } from '../model/ticks.js';
import { SECOND } from '../model/time.js';
import type { Plan } from './planned.js';
import { directionOf } from './position.js';

/** Distribution of one metric over all starts: median, 90th and 99th percentile, maximum. */
export type Spread = { readonly median: number; readonly p90: number; readonly p99: number; readonly max: number };

export type StressReport = {
  readonly symbol: string;
  readonly interval: string;
  readonly candles: number;
  /** Skipped candles: open ones, ones without prices, and duplicates. */
  readonly skipped: number;
  /** Used candles that overlap an unrepaired gap. */
  readonly incomplete: number;
  readonly fromTimestamp: number;
  readonly untilTimestamp: number;
  /** Started grids, one every `every` candles. */
  readonly starts: number;
  readonly every: number;
  readonly tookProfit: number;
  /** Grids without a take profit at the end of the candles. */
  readonly unfinished: number;
  /** Of both, those that reached the liquidation price of their position. */
  readonly liquidated: number;
  /** Of both, those with a price beyond the last level before their end. */
  readonly exceeded: number;
  readonly exceededPct: number;
  /** Maximum adverse move from the start price before the grid ended, per cent. */
  readonly depthPct: Spread;
  /** Grids by the deepest level that filled; index 0 counts those that filled the market order only. */
  readonly deepestLevel: readonly number[];
  /** Seconds per grid in candles that closed on the losing side of its break-even price. */
  readonly underWaterSeconds: Spread;
  /** Seconds from start to end of each grid. */
  readonly durationSeconds: Spread;
};

/**
 * Prices of a plan as multiples of its start price, by the deepest filled level. For a short they are negative, like its
 * candles, so that "higher is better" holds for both sides.
 */
type Ratios = {
  readonly price: readonly number[];
  readonly target: readonly number[];
  readonly breakEven: readonly number[];
  readonly liquidation: readonly number[];
};

/** Candles in typed arrays: years of minutes are read thousands of times. Prices are negative for a short. */
type CandleColumns = {
  readonly worst: Float64Array;
  readonly best: Float64Array;
  readonly close: Float64Array;
  /** Seconds. */
  readonly time: Float64Array;
};

type Outcome = {
  readonly tookProfit: boolean;
  readonly liquidated: boolean;
  readonly exceeded: boolean;
  readonly level: number;
  readonly depth: number;
  readonly underWater: number;
  readonly duration: number;
};

/** Enough starts for a 99th percentile over 20 grids, few enough to run a year of minutes in seconds. */
const MAX_STARTS = 2000;

/**
 * Runs a grid over historical candles from many starting points.
 *
 * A grid starts at the close of a candle. In each later candle, an adverse extreme at or beyond a level fills it, beyond the
 * last level exceeds the coverage, and at the liquidation price of the filled levels liquidates it. A favourable extreme at
 * the take profit of the levels filled before this candle ends the grid.
 *
 * A candle does not record the order of its extremes, so the worse one is assumed: the adverse side is first, and a take
 * profit moved by a fill counts from the next candle. A liquidated grid continues as if it had more margin, so that depth
 * and coverage do not depend on the margin. Prices scale with the start; ticks, lots, funding and slippage are ignored.
 */
export class StressTest {
  readonly #candles: Candle[] = [];
  #skipped = 0;

  /** Adds a candle of one symbol and one interval, in any order. Throws a `FailureError` on another series. */
  add(candle: Candle): void {
    const first = this.#candles[0];
    if (first !== undefined && seriesOf(first) !== seriesOf(candle))
      throw new FailureError(
        `candles: expected one series, found ${seriesOf(first)} and ${seriesOf(candle)}; select one with --exchange, --market, --symbols and --interval`,
      );
    if (!candle.closed || candle.high === undefined || candle.low === undefined || candle.close === undefined) {
      this.#skipped++;
      return;
    }
    this.#candles.push(candle);
  }

  /** Runs the grids and returns the report. Throws a `FailureError` with fewer than two candles. */
  report(plan: Plan): StressReport {
    const candles = this.#inOrder();
    const first = candles[0];
    const last = candles.at(-1);
    if (first === undefined || last === undefined || candles.length < 2)
      throw new FailureError(`candles: expected at least 2 closed candles, found ${candles.length}`);
    const every = Math.ceil((candles.length - 1) / MAX_STARTS);
    const series = columnsOf(candles, plan);
    const ratios = ratiosOf(plan);
    const outcomes: Outcome[] = [];
    for (let start = 0; start < candles.length - 1; start += every) outcomes.push(follow(series, ratios, start));
    return {
      symbol: first.symbol,
      interval: first.interval,
      candles: candles.length,
      skipped: this.#skipped + this.#candles.length - candles.length,
      incomplete: candles.filter(({ complete }) => complete === false).length,
      fromTimestamp: first.timestamp,
      untilTimestamp: last.timestamp,
      every,
      ...summary(outcomes, plan.levels.length),
    };
  }

  #inOrder(): Candle[] {
    const latest = new Map<number, Candle>();
    for (const candle of this.#candles) {
      const before = latest.get(candle.timestamp);
      if (before === undefined || isLaterCopy(candle, before)) latest.set(candle.timestamp, candle);
    }
    return [...latest.values()].sort((a, b) => a.timestamp - b.timestamp);
  }
}

function seriesOf({ exchange, market, symbol, source, interval }: Candle): string {
  return `${exchange}:${market}:${symbol} ${interval} (${source})`;
}

function ratiosOf({ grid, levels }: Plan): Ratios {
  const sign = directionOf(grid.side);
  const signed = (price: Exact | undefined) => (price === undefined ? undefined : price.div(grid.price).toNumber() * sign);
  return {
    price: levels.map(({ order }) => signed(order.price) as number),
    target: levels.map(({ takeProfitPrice }) => signed(takeProfitPrice) ?? Number.POSITIVE_INFINITY),
    breakEven: levels.map(({ breakEvenPrice }) => signed(breakEvenPrice) ?? sign),
    liquidation: levels.map(({ liquidationPrice }) => signed(liquidationPrice) ?? Number.NEGATIVE_INFINITY),
  };
}

function columnsOf(candles: readonly Candle[], { grid }: Plan): CandleColumns {
  const sign = directionOf(grid.side);
  const extremes = { high: (candle: Candle) => candle.high as number, low: (candle: Candle) => candle.low as number };
  const [worst, best] = sign > 0 ? [extremes.low, extremes.high] : [extremes.high, extremes.low];
  return {
    worst: Float64Array.from(candles, (candle) => sign * worst(candle)),
    best: Float64Array.from(candles, (candle) => sign * best(candle)),
    close: Float64Array.from(candles, (candle) => sign * (candle.close as number)),
    time: Float64Array.from(candles, ({ timestamp }) => timestamp / SECOND),
  };
}

/** Follows one grid from the close of its start candle to its take profit or the end of the candles. */
function follow({ worst, best, close, time }: CandleColumns, ratios: Ratios, start: number): Outcome {
  const entry = close[start] as number;
  const scale = Math.abs(entry);
  const lastPrice = scale * (ratios.price.at(-1) as number);
  let level = 0;
  let deepest = entry;
  let underWater = 0;
  let liquidated = false;
  let tookProfit = false;
  let index = start;
  while (!tookProfit && index < time.length - 1) {
    index++;
    const low = worst[index] as number;
    const reached = low < deepest ? levelReached(low / scale, level, ratios) : level;
    liquidated ||= isLiquidated(low / scale, level, reached, ratios);
    tookProfit = reached === level && (best[index] as number) >= scale * (ratios.target[level] as number);
    deepest = Math.min(deepest, low);
    level = reached;
    if (!tookProfit && (close[index] as number) < scale * (ratios.breakEven[level] as number))
      underWater += (time[index] as number) - (time[index - 1] as number);
  }
  return {
    tookProfit,
    liquidated,
    exceeded: deepest < lastPrice,
    level,
    depth: ((entry - deepest) / scale) * 100,
    underWater,
    duration: (time[index] as number) - (time[start] as number),
  };
}

function levelReached(low: number, level: number, { price }: Ratios): number {
  let reached = level;
  while (reached < price.length - 1 && low <= (price[reached + 1] as number)) reached++;
  return reached;
}

/** Returns whether a position is liquidated on the way down: before the next level fills, or at the low. */
function isLiquidated(low: number, from: number, to: number, { liquidation, price }: Ratios): boolean {
  for (let level = from; level < to; level++) if ((liquidation[level] as number) >= (price[level + 1] as number)) return true;
  return low <= (liquidation[to] as number);
}

function summary(outcomes: readonly Outcome[], levels: number) {
  const count = (matches: (outcome: Outcome) => boolean) => outcomes.filter(matches).length;
  const exceeded = count((outcome) => outcome.exceeded);
  return {
    starts: outcomes.length,
    tookProfit: count(({ tookProfit }) => tookProfit),
    unfinished: count(({ tookProfit }) => !tookProfit),
    liquidated: count(({ liquidated }) => liquidated),
    exceeded,
    exceededPct: (exceeded / outcomes.length) * 100,
    depthPct: spread(outcomes.map(({ depth }) => depth)),
    deepestLevel: Array.from({ length: levels }, (_, level) => count((outcome) => outcome.level === level)),
    underWaterSeconds: spread(outcomes.map(({ underWater }) => underWater)),
    durationSeconds: spread(outcomes.map(({ duration }) => duration)),
  };
}

/** Returns percentiles by nearest rank: the smallest value that at least this share does not exceed. */
function spread(values: number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
  return { median: rank(0.5), p90: rank(0.9), p99: rank(0.99), max: rank(1) };
}
