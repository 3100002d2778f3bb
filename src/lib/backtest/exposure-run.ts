import { Cursor } from './cursor.js';
import { type Bars, endOf, firstNotBefore, type MarketData, type Series } from './market-data.js';
import { OneWayAccount } from './one-way-account.js';
import type { Outcome } from './outcome.js';
import { Scan } from './scan.js';
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

/** Where the wish changes: the candle at whose opening it trades, that candle's time and opening, and what is wished for. */
type Turns = {
  /** Ends with the number of candles. */
  readonly at: Int32Array;
  readonly time: Float64Array;
  readonly open: Float64Array;
  readonly wish: Float64Array;
};

/** Gathers the turns beforehand: looked up one at a time, in between other work, each would wait for memory. */
function turnsOf({ changes, exposure }: ExposureStrategy, bars: Bars): Turns {
  // What the last candle wishes for has no opening to trade at.
  const count = changes.at(-1) === bars.time.length - 1 ? changes.length - 1 : changes.length;
  const at = new Int32Array(count + 1);
  const [time, open, wish] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
  for (let turn = 0; turn < count; turn++) {
    const candle = changes[turn] as number;
    at[turn] = candle + 1;
    time[turn] = bars.time[candle + 1] as number;
    open[turn] = bars.open[candle + 1] as number;
    wish[turn] = exposure[candle] as number;
  }
  at[count] = bars.time.length;
  return { at, time, open, wish };
}

class ExposureRun {
  readonly #feed: Bars;
  readonly #turns: Turns;
  readonly #fundings: Cursor;
  readonly #terms: Terms;
  readonly #period: number;
  readonly #account: OneWayAccount;
  readonly #scan: Scan;
  /** Of the last candle that is over: its end, and its close. */
  #now = 0;
  #price = Number.NaN;
  #sample: number;
  /** The first candle that is not before the next appointment: funding, or a point of the equity curve. */
  #due = 0;

  constructor(feed: Bars, strategy: ExposureStrategy, fundings: Series, { terms, sample }: RunOptions) {
    const start = feed.time[0] as number;
    this.#feed = feed;
    this.#turns = turnsOf(strategy, feed);
    this.#fundings = new Cursor(fundings);
    this.#terms = terms;
    this.#period = sample;
    this.#account = new OneWayAccount(terms, feed, this.#turns.at.length * 2);
    this.#scan = new Scan(feed, this.#account.gauge);
    this.#sample = (Math.floor(start / sample) + 1) * sample;
  }

  run(): Outcome | undefined {
    this.#keepAppointments(1);
    return this.#walk() ? this.#finish() : undefined;
  }

  /**
   * From turn to turn and appointment to appointment; false where the engine has to do it. The loop stands alone, since V8
   * gives up its code whenever something comes after a loop that it has not seen before.
   */
  #walk(): boolean {
    const { at } = this.#turns;
    const account = this.#account;
    const count = this.#feed.time.length;
    let next = 0;
    let index = 1;
    while (index < count) {
      if (index >= this.#due) this.#keepAppointments(index);
      if (index === at[next] && !this.#turn(next++)) return false;
      const stop = Math.min(at[next] as number, this.#due);
      if (account.net !== 0 && this.#isLiquidated(index, stop)) return false;
      index = stop;
    }
    return true;
  }

  /** Whether the position is liquidated before `stop`. */
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

  /** Keeps the appointments up to the opening of a candle. */
  #keepAppointments(index: number): void {
    const { time } = this.#feed;
    this.#pass(index - 1);
    this.#settle(time[index] as number);
    this.#due = firstNotBefore(time, Math.min(this.#sample, this.#fundings.at), index);
  }

  #settle(until: number): void {
    while (Math.min(this.#fundings.at, this.#sample) <= until) {
      const due = this.#fundings.at;
      if (due <= this.#sample) this.#account.charge(Math.max(due, this.#now), this.#price, this.#fundings.take());
      else {
        this.#account.record(this.#sample, this.#price);
        this.#sample += this.#period;
      }
    }
  }

  /** Trades from one wish to another at an opening; false where the engine has to do it. */
  #turn(number: number): boolean {
    const { at, wish, time: times, open: opens } = this.#turns;
    const account = this.#account;
    const wanted = wish[number] as number;
    const time = times[number] as number;
    const open = opens[number] as number;
    if (account.net !== 0 && wanted !== 0 && wanted > 0 === account.net > 0) return false;
    // A first order is sized at the close before, one that turns a position round at the opening where it was closed.
    const sizedAt = account.net === 0 ? (this.#feed.close[(at[number] as number) - 1] as number) : open;
    if (account.net !== 0) account.close(time, open);
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
    this.#pass(this.#feed.time.length - 1);
    this.#settle(end - 1);
    account.finish(end);
    if (account.equity.at(-1)?.time !== end) account.record(end, this.#price);
    const { fills, equity, fundings, gauge, exposed } = account;
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
      maxLeverage: gauge.maxLeverage,
      leastDistance: gauge.leastDistance,
      price: this.#price,
      from: this.#feed.time[0] as number,
      until: end,
      events: this.#feed.time.length,
      undecided: 0,
      exposed,
    };
  }
}
