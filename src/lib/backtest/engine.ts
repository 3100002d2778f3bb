import { runExposure } from './exposure-run.js';
import { type Bars, candleAt, firstNotBefore, firstPriceOf, type MarketData, type Ticks, takerOf } from './market-data.js';
import type { Outcome } from './outcome.js';
import { type RunOptions, Session } from './session.js';

/**
 * Runs a strategy over the data. The same input gives the same outcome, and later data never changes earlier fills.
 *
 * Each event has three stages: scheduled items that are due (marks, funding, arriving orders), then own orders against the
 * price, then the strategy. Between events that matter, the engine skips to the next price bound or scheduled time; see
 * `scan.ts`.
 */
export function runBacktest(data: MarketData, options: RunOptions): Outcome {
  return runExposure(data, options) ?? new Engine(data, options).run();
}

class Engine {
  readonly #data: MarketData;
  readonly #options: RunOptions;
  readonly #session: Session;
  /** The next scheduled time and the first event at or after it. Looked up again only when the scheduled time changes. */
  #next = Number.NaN;
  #due = 0;

  constructor(data: MarketData, options: RunOptions) {
    this.#data = data;
    this.#options = options;
    this.#session = new Session(data, options);
  }

  run(): Outcome {
    const session = this.#session;
    const from = session.now;
    this.#walk(this.#data.feed);
    session.runScheduled(session.end - 1);
    session.finish();
    const { matching, walk } = session;
    const { account, ledger, desk, tracker } = matching;
    const begun = desk.active.filter(({ filled }) => filled > 0).length;
    return {
      fills: ledger.fills,
      equity: ledger.equity,
      fundings: ledger.fundings,
      account,
      tracker,
      orders: { ...desk.counts, filled: desk.counts.filled + begun },
      liquidations: matching.liquidations,
      maxLeverage: tracker.maxLeverage,
      minDistance: tracker.minDistance,
      firstPrice: firstPriceOf(this.#data.feed),
      price: matching.price,
      from,
      until: session.now,
      events: session.count,
      undecided: walk.undecided,
      exposed: session.exposed,
    };
  }

  /** Processes event by event. If the strategy has no per-event callback, skips to the next event that reaches a bound. */
  #walk(feed: Ticks | Bars): void {
    const { strategy } = this.#options;
    const session = this.#session;
    const canSkip = (feed.kind === 'trades' ? strategy.trade : strategy.bar) === undefined;
    let index = 0;
    while (index < session.count) {
      if (index >= this.#due || session.nextScheduled() !== this.#next) this.#runScheduled(index);
      if (canSkip && index < this.#due && session.isStarted && session.matching.desk.pendingMarketOrders === 0) {
        index = this.#skip(feed, index, this.#due);
        if (index === this.#due) continue;
      }
      if (feed.kind === 'trades') {
        const { time, price, amount, taker } = feed;
        session.tick(time[index] as number, price[index] as number, amount[index] as number, takerOf(taker[index] as number));
      } else this.#bar(feed, index);
      index++;
    }
  }

  /** Returns the first event before `end` that reaches a bound, and moves price and time to the end of the one before it. */
  #skip(feed: Ticks | Bars, from: number, end: number): number {
    const session = this.#session;
    const index = session.skip(from, end);
    if (index === from) return from;
    if (feed.kind === 'trades') session.matching.price = feed.price[index - 1] as number;
    else {
      session.matching.price = feed.close[index - 1] as number;
      session.now = (feed.time[index - 1] as number) + feed.interval;
    }
    return index;
  }

  /** A candle records no times inside it: fills after its opening carry its last microsecond. */
  #bar(feed: Bars, index: number): void {
    const time = feed.time[index] as number;
    const bar = {
      open: feed.open[index] as number,
      high: feed.high[index] as number,
      low: feed.low[index] as number,
      close: feed.close[index] as number,
      volume: feed.volume[index] as number,
    };
    this.#session.now = Math.max(this.#session.now, time);
    this.#session.walk.open(bar);
    this.#session.arriveInside();
    this.#session.chargeInside(bar.open, time + feed.interval);
    this.#session.now = time + feed.interval - 1;
    this.#session.walk.walk(bar);
    this.#session.matching.price = bar.close;
    this.#session.now = time + feed.interval;
    this.#session.matching.observe(bar.close);
    this.#options.strategy.bar?.({ index, time, ...bar }, this.#session);
    this.#session.start();
  }

  /**
   * Runs what is scheduled up to an event, and finds the event at which the next item is due: possibly this one, if funding
   * settles inside it.
   */
  #runScheduled(index: number): void {
    const { feed } = this.#data;
    const session = this.#session;
    const now = feed.time[index] as number;
    session.runScheduled(now, feed.kind === 'candles' ? (feed.open[index] as number) : undefined);
    const next = session.nextScheduled();
    // Exact when no candle is missing.
    const guess = feed.kind === 'candles' ? index + Math.ceil((next - now) / feed.interval) : index;
    this.#next = next;
    this.#due = Math.min(session.count, firstNotBefore(feed.time, next, index, guess));
    if (session.nextInside < Number.POSITIVE_INFINITY)
      this.#due = Math.min(this.#due, candleAt(feed.time, session.nextInside, index));
  }
}
