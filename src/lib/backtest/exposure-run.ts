import { type Bars, endOf, firstNotBefore, type MarketData, type Series } from './market-data.js';
import { OneWayAccount } from './one-way-account.js';
import type { Outcome } from './outcome.js';
import { scanBars } from './scan.js';
import type { RunOptions } from './session.js';
import { ExposureStrategy } from './strategies/exposure.js';
import type { Terms } from './terms.js';

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Runs a strategy whose wishes are known beforehand over candles, without orders and events: a candle that changes the wish
 * trades at the next opening, and in between only equity is watched. Gives what the engine gives, to the last digit, or
 * undefined where something else would happen than that: latency, marks, cross margin, a rejection, a liquidation. The engine
 * then runs it.
 */
export function runExposure(data: MarketData, options: RunOptions): Outcome | undefined {
  const { strategy, until } = options;
  const { latency, marginMode } = options.terms;
  const { feed, marks, fundings } = data;
  const isPlain = latency === 0 && marginMode === 'isolated' && marks.time.length === 0 && until === undefined;
  if (!(strategy instanceof ExposureStrategy) || feed.kind !== 'candles' || feed.time.length < 2 || !isPlain) return undefined;
  return new ExposureRun(feed, strategy, fundings, options).run();
}

class ExposureRun {
  readonly #feed: Bars;
  readonly #strategy: ExposureStrategy;
  readonly #fundings: Series;
  readonly #terms: Terms;
  readonly #period: number;
  readonly #account: OneWayAccount;
  /** Of the last candle that is over: its end, and its close. */
  #now: number;
  #price: number;
  #wish = 0;
  #sample: number;
  #nextFunding = 0;
  #fundingAt: number;
  /** The first candle that is not before the next appointment: funding, or a point of the equity curve. */
  #due = 0;

  constructor(feed: Bars, strategy: ExposureStrategy, fundings: Series, { terms, sample }: RunOptions) {
    const start = feed.time[0] as number;
    this.#feed = feed;
    this.#strategy = strategy;
    this.#fundings = fundings;
    this.#fundingAt = fundings.time[0] ?? NEVER;
    this.#terms = terms;
    this.#period = sample;
    this.#account = new OneWayAccount(terms, start, strategy.changes.length * 2 + 2);
    this.#now = start;
    this.#price = feed.close[0] as number;
    this.#sample = (Math.floor(start / sample) + 1) * sample;
  }

  run(): Outcome | undefined {
    this.#keepAppointments(0);
    this.#pass(0);
    return this.#walk() ? this.#finish() : undefined;
  }

  /**
   * From turn to turn and appointment to appointment; false where the engine has to do it. The loop stands alone, since V8
   * gives up its code whenever something comes after a loop that it has not seen before.
   */
  #walk(): boolean {
    const { changes, exposure } = this.#strategy;
    const { stretch, gauge } = this.#account;
    const count = exposure.length;
    let wanted = exposure[0] as number;
    let change = 0;
    let index = 1;
    while (index < count) {
      if (index >= this.#due) this.#keepAppointments(index);
      if (wanted !== this.#wish && !this.#turn(wanted, index)) return false;
      const turn = change < changes.length ? (changes[change] as number) + 1 : count;
      const stop = Math.min(turn, this.#due);
      if (!stretch.isFlat && scanBars(this.#feed, index, stop, stretch, gauge) < stop) return false;
      index = stop;
      this.#pass(index - 1);
      if (stop < turn) continue;
      wanted = exposure[index - 1] as number;
      change++;
    }
    return true;
  }

  #pass(index: number): void {
    this.#price = this.#feed.close[index] as number;
    this.#now = (this.#feed.time[index] as number) + this.#feed.interval;
  }

  /** Keeps the appointments up to the opening of a candle. */
  #keepAppointments(index: number): void {
    const { time } = this.#feed;
    this.#settle(time[index] as number);
    this.#due = firstNotBefore(time, Math.min(this.#sample, this.#fundingAt), index);
  }

  #settle(until: number): void {
    while (Math.min(this.#fundingAt, this.#sample) <= until) {
      if (this.#fundingAt <= this.#sample) this.#charge();
      else {
        this.#account.record(this.#sample, this.#price);
        this.#sample += this.#period;
      }
    }
  }

  #charge(): void {
    const { time, value } = this.#fundings;
    const rate = value[this.#nextFunding++] as number;
    this.#account.charge(Math.max(this.#fundingAt, this.#now), this.#price, rate);
    this.#fundingAt = time[this.#nextFunding] ?? NEVER;
  }

  /** Trades from one wish to another at an opening; false where the engine has to do it. */
  #turn(wanted: number, index: number): boolean {
    const account = this.#account;
    const open = this.#feed.open[index] as number;
    const time = this.#feed.time[index] as number;
    if (account.held !== 0 && wanted !== 0 && wanted > 0 === account.held > 0) return false;
    // A first order is sized at the close before, one that turns a position round at the opening where it was closed.
    const sizedAt = account.held === 0 ? this.#price : open;
    this.#price = open;
    this.#wish = wanted;
    if (account.held !== 0) account.close(time, open);
    if (wanted === 0) return true;
    const amount = account.amountOf(wanted, sizedAt);
    const price = account.takerPrice(open, wanted > 0);
    if (!this.#isAccepted(wanted, amount, sizedAt) || !account.canOpen(price, amount)) return false;
    account.open(time, open, price, wanted > 0 ? amount : -amount);
    return true;
  }

  #isAccepted(wanted: number, amount: number, price: number): boolean {
    const { minAmount = 0, minNotional = 0, spot } = this.#terms;
    return amount > 0 && amount >= minAmount && amount * price >= minNotional && !(spot && wanted < 0);
  }

  #finish(): Outcome {
    const account = this.#account;
    const end = endOf(this.#feed);
    this.#settle(end - 1);
    account.finish(end);
    if (account.equity.at(-1)?.time !== end) account.record(end, this.#price);
    const { fills, equity, fundings, gauge, maxLeverage, leastDistance, exposed } = account;
    const { count } = fills;
    return {
      get fills() {
        return fills.list();
      },
      equity,
      fundings,
      account,
      gauge,
      orders: { placed: count, active: count, filled: count, refused: 0, rejected: 0 },
      liquidations: [],
      maxLeverage,
      leastDistance,
      price: this.#price,
      from: this.#feed.time[0] as number,
      until: end,
      events: this.#feed.time.length,
      undecided: 0,
      exposed,
    };
  }
}
