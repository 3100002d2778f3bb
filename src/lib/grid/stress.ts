import { FailureError } from '../model/errors.js';
import type { Candle } from '../model/records.js';
import type { Exact } from '../model/ticks.js';
import { SECOND } from '../model/time.js';
import type { Plan } from './planned.js';
import { directionOf } from './position.js';

/** One figure over all starts: the middle, the worst tenth, the worst hundredth and the worst. */
export type Spread = { readonly median: number; readonly p90: number; readonly p99: number; readonly max: number };

export type StressReport = {
  readonly symbol: string;
  readonly interval: string;
  readonly candles: number;
  /** Candles left out: open ones, ones without prices, and ones that came twice. */
  readonly skipped: number;
  /** Candles that an unrepaired gap overlaps; they were used. */
  readonly incomplete: number;
  readonly fromTimestamp: number;
  readonly untilTimestamp: number;
  /** Grids that were started, one every `every` candles. */
  readonly starts: number;
  readonly every: number;
  readonly tookProfit: number;
  /** Without a take profit when the candles ended. */
  readonly unfinished: number;
  /** Of both, those that met the liquidation price of what they held. */
  readonly liquidated: number;
  /** Of both, those whose price went beyond the last level before they ended. */
  readonly exceeded: number;
  readonly exceededPct: number;
  /** How far the price went against the start before the grid ended, per cent of the start price. */
  readonly depthPct: Spread;
  /** Grids by the last level they filled: index 0 counts those that filled nothing but the market order. */
  readonly deepestLevel: readonly number[];
  /** Seconds of each grid in candles that closed on the losing side of its break-even price. */
  readonly underWaterSeconds: Spread;
  /** Seconds from start to end of each grid. */
  readonly durationSeconds: Spread;
};

/**
 * A plan's prices as multiples of its start price, by the number of the last level that filled. They are negative for a
 * short, as its candles are: so "higher is better" holds for both.
 */
type Ratios = {
  readonly price: readonly number[];
  readonly target: readonly number[];
  readonly breakEven: readonly number[];
  readonly liquidation: readonly number[];
};

/** Candles in typed arrays, since years of minutes are walked through thousands of times. Prices negative for a short. */
type Series = {
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

/** Enough for a worst hundredth of 20, few enough for a year of minutes in seconds. */
const MAX_STARTS = 2000;

/**
 * Asks of candles what would have become of a grid started again and again. A grid starts at the close of a candle and
 * sees those after it: an adverse extreme at or beyond a level fills it, beyond the last level it has exceeded the coverage,
 * at the liquidation price of what had filled it counts as liquidated; a favourable extreme at the take profit of what had
 * filled before this candle ends it. Inside a candle the adverse side comes first, and a take profit that a fill of the same
 * candle moved is looked at from the next one on: a candle does not tell the order, and this one does worse. A liquidated
 * grid is followed on as if more margin had been there, so that depth and coverage do not depend on the margin. Prices
 * scale with the start; ticks, lots, funding and slippage are left out.
 */
export class StressTest {
  readonly #candles: Candle[] = [];
  #skipped = 0;
  #incomplete = 0;

  /** Takes the next candle, of one symbol and one interval, in any order. Throws a `FailureError` on another series. */
  add(candle: Candle): void {
    const first = this.#candles[0];
    if (first !== undefined && seriesOf(first) !== seriesOf(candle))
      throw new FailureError(
        `candles: expected one series, found ${seriesOf(first)} and ${seriesOf(candle)}; choose by --exchange, --market, --symbols and --interval`,
      );
    if (!candle.closed || candle.high === undefined || candle.low === undefined || candle.close === undefined) {
      this.#skipped++;
      return;
    }
    if (candle.complete === false) this.#incomplete++;
    this.#candles.push(candle);
  }

  /** Returns what came of the grids. Throws a `FailureError` with fewer than two candles. */
  report(plan: Plan): StressReport {
    const candles = this.#inOrder();
    const first = candles[0];
    const last = candles.at(-1);
    if (first === undefined || last === undefined || candles.length < 2)
      throw new FailureError(`candles: expected at least 2 closed ones, found ${candles.length}`);
    const every = Math.ceil((candles.length - 1) / MAX_STARTS);
    const series = seriesFor(candles, plan);
    const ratios = ratiosOf(plan);
    const outcomes: Outcome[] = [];
    for (let start = 0; start < candles.length - 1; start += every) outcomes.push(follow(series, ratios, start));
    return {
      symbol: first.symbol,
      interval: first.interval,
      candles: candles.length,
      skipped: this.#skipped + this.#candles.length - candles.length,
      incomplete: this.#incomplete,
      fromTimestamp: first.timestamp,
      untilTimestamp: last.timestamp,
      every,
      ...summary(outcomes, plan.levels.length),
    };
  }

  #inOrder(): Candle[] {
    const sorted = this.#candles.sort((a, b) => a.timestamp - b.timestamp);
    return sorted.filter((candle, index) => index === 0 || candle.timestamp !== sorted[index - 1]?.timestamp);
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

function seriesFor(candles: readonly Candle[], { grid }: Plan): Series {
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

/** Follows the grid that starts at the close of one candle until it takes its profit or the candles end. */
function follow({ worst, best, close, time }: Series, ratios: Ratios, start: number): Outcome {
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

/** On the way down each holding can die before the next level fills, the last one at the low. */
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

/** Nearest rank: the least value that so many of them do not exceed. */
function spread(values: number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
  return { median: rank(0.5), p90: rank(0.9), p99: rank(0.99), max: rank(1) };
}
