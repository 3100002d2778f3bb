import { Cursor } from './cursor.js';
import { type Bars, candleAt, dueFundings, endOf, firstNotBefore, firstPriceOf, type MarketData } from './market-data.js';
import { OneWayAccount } from './one-way-account.js';
import type { Outcome } from './outcome.js';
import { Scan } from './scan.js';
import type { RunOptions } from './session.js';
import { ExposureStrategy } from './strategies/exposure.js';
import type { ExecutionTerms } from './terms.js';

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Fast path for strategies whose target exposure is known in advance. The general engine would create orders and events for
 * every candle; here, a change of the target trades at the next opening, and between changes only equity is followed.
 *
 * The result equals the engine's to the last digit. Returns undefined if the fast path does not apply (latency, marks,
 * cross margin, a rejection, a liquidation); the engine then runs instead.
 */
export function runExposure(data: MarketData, options: RunOptions): Outcome | undefined {
  const { strategy, until } = options;
  const { latency, marginMode } = options.terms;
  const { feed, marks, fundings } = data;
  const isPlain = latency === 0 && marginMode === 'isolated' && marks.time.length === 0 && until === undefined;
  if (!(strategy instanceof ExposureStrategy) || feed.kind !== 'candles' || feed.time.length < 2 || !isPlain) return undefined;
  return new ExposureRun(feed, strategy, dueFundings({ feed, fundings }), options).run();
}

/** Changes of the target: the candle at whose opening each trades, its time and opening price, and the new target. */
type TargetChanges = {
  /** Candle indices; the last entry is the number of candles. */
  readonly at: Int32Array;
  readonly time: Float64Array;
  readonly open: Float64Array;
  readonly target: Float64Array;
};

/** Collects all changes in advance. Looked up one by one during the run, each would wait for memory. */
function collectTargetChanges({ changes, exposure }: ExposureStrategy, bars: Bars): TargetChanges {
  // A change at the last candle has no next opening to trade at.
  const count = changes.at(-1) === bars.time.length - 1 ? changes.length - 1 : changes.length;
  const at = new Int32Array(count + 1);
  const [time, open, target] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
  for (let change = 0; change < count; change++) {
    const candle = changes[change] as number;
    at[change] = candle + 1;
    time[change] = bars.time[candle + 1] as number;
    open[change] = bars.open[candle + 1] as number;
    target[change] = exposure[candle] as number;
  }
  at[count] = bars.time.length;
  return { at, time, open, target };
}

class ExposureRun {
  readonly #feed: Bars;
  readonly #changes: TargetChanges;
  readonly #fundings: Cursor;
  /** Funding settled inside candles. */
  readonly #fundingsInside: Cursor;
  readonly #terms: ExecutionTerms;
  readonly #period: number;
  readonly #account: OneWayAccount;
  readonly #scan: Scan;
  /** End and close of the last finished candle. */
  #now = 0;
  #price = Number.NaN;
  #sample: number;
  /** First candle at or after the next scheduled item: funding, or a point of the equity curve. */
  #due = 0;

  constructor(
    feed: Bars,
    strategy: ExposureStrategy,
    fundings: ReturnType<typeof dueFundings>,
    { terms, sample, path }: RunOptions,
  ) {
    const start = feed.time[0] as number;
    this.#feed = feed;
    this.#changes = collectTargetChanges(strategy, feed);
    this.#fundings = new Cursor(fundings.between);
    this.#fundingsInside = new Cursor(fundings.inside);
    this.#terms = terms;
    this.#period = sample;
    this.#account = new OneWayAccount(terms, feed, this.#changes.at.length * 2);
    this.#scan = new Scan(feed, this.#account.tracker, path);
    this.#sample = (Math.floor(start / sample) + 1) * sample;
  }

  run(): Outcome | undefined {
    this.#chargeInside(0);
    this.#runScheduled(1);
    return this.#walk() ? this.#finish() : undefined;
  }

  /**
   * Runs from change to change and from one scheduled item to the next; returns false if the engine has to take over. The
   * loop is a method of its own: V8 drops its optimised code whenever unseen code follows the loop.
   */
  #walk(): boolean {
    const { at } = this.#changes;
    const account = this.#account;
    const count = this.#feed.time.length;
    let next = 0;
    let index = 1;
    let inside = this.#nextInside(index);
    while (index < count) {
      if (index >= this.#due) this.#runScheduled(index);
      if (index === at[next] && !this.#changeTarget(next++)) return false;
      if (index === inside) inside = this.#chargeInside(index);
      const stop = Math.min(at[next] as number, this.#due, inside);
      if (account.net !== 0 && this.#isLiquidated(index, stop)) return false;
      index = stop;
    }
    return true;
  }

  /** Returns the candle inside which funding settles next, at or after `from`; infinite without one. */
  #nextInside(from: number): number {
    const { at } = this.#fundingsInside;
    return at < NEVER ? candleAt(this.#feed.time, at, from) : NEVER;
  }

  /** Charges the funding that settles inside a candle, at its opening price; returns the next candle with such funding. */
  #chargeInside(index: number): number {
    const { time, open, interval } = this.#feed;
    const opening = open[index] as number;
    const end = (time[index] as number) + interval;
    this.#account.observe(time[index] as number, opening);
    while (this.#fundingsInside.at < end) this.#account.charge(this.#fundingsInside.at, opening, this.#fundingsInside.take());
    return this.#nextInside(index);
  }

  /** Returns whether the position is liquidated before `stop`. */
  #isLiquidated(index: number, stop: number): boolean {
    const account = this.#account;
    const low = account.liquidationBelow > 0 ? account.liquidationBelow : -NEVER;
    const high = account.liquidationAbove > 0 ? account.liquidationAbove : NEVER;
    return this.#scan.next(index, stop, low, high, account) < stop;
  }

  #pass(index: number): void {
    this.#price = this.#feed.close[index] as number;
    this.#now = (this.#feed.time[index] as number) + this.#feed.interval;
  }

  /** Runs what is scheduled up to the opening of a candle. */
  #runScheduled(index: number): void {
    const { time } = this.#feed;
    this.#pass(index - 1);
    this.#runUntil(time[index] as number, this.#feed.open[index] as number);
    this.#due = firstNotBefore(time, Math.min(this.#sample, this.#fundings.at), index);
  }

  /** Runs what is scheduled up to a time, at which a candle may open at `opening`. */
  #runUntil(until: number, opening = this.#price): void {
    while (Math.min(this.#fundings.at, this.#sample) <= until) {
      const due = this.#fundings.at;
      if (due <= this.#sample)
        this.#account.charge(Math.max(due, this.#now), due === until ? opening : this.#price, this.#fundings.take());
      else {
        this.#account.record(this.#sample, this.#price);
        this.#sample += this.#period;
      }
    }
  }

  /** Trades to the new target at an opening; returns false if the engine has to take over. */
  #changeTarget(number: number): boolean {
    const { at, target: targets, time: times, open: opens } = this.#changes;
    const account = this.#account;
    const target = targets[number] as number;
    const time = times[number] as number;
    const open = opens[number] as number;
    if (account.net !== 0 && target !== 0 && target > 0 === account.net > 0) return false;
    // An entry from flat is sized at the previous close; a reversal at the opening where the old position was closed.
    const sizedAt = account.net === 0 ? (this.#feed.close[(at[number] as number) - 1] as number) : open;
    if (account.net !== 0 && !account.close(time, open)) return false;
    if (target === 0) return true;
    const amount = account.amountOf(target, sizedAt);
    const price = account.takerPrice(open, target > 0);
    if (!this.#isAccepted(target, amount, sizedAt) || !account.canOpen(price, amount)) return false;
    account.open(time, open, price, target > 0 ? amount : -amount);
    return true;
  }

  #isAccepted(target: number, amount: number, price: number): boolean {
    const { minAmount = 0, minNotional = 0, spot } = this.#terms;
    return amount > 0 && amount >= minAmount && amount * price >= minNotional && !(spot && target < 0);
  }

  #finish(): Outcome {
    const account = this.#account;
    const end = endOf(this.#feed);
    this.#pass(this.#feed.time.length - 1);
    this.#runUntil(end - 1);
    account.finish(end);
    if (account.equity.at(-1)?.time !== end) account.record(end, this.#price);
    const { fills, equity, fundings, tracker, exposed } = account;
    const { count } = fills;
    return {
      get fills() {
        return fills.list();
      },
      equity,
      fundings,
      account,
      tracker,
      orders: { placed: count, active: count, filled: count, refused: 0, rejected: 0 },
      liquidations: [],
      maxLeverage: tracker.maxLeverage,
      minDistance: tracker.minDistance,
      firstPrice: firstPriceOf(this.#feed),
      price: this.#price,
      from: this.#feed.time[0] as number,
      until: end,
      events: this.#feed.time.length,
      undecided: 0,
      exposed,
    };
  }
}
