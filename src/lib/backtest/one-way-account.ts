import { FillColumns } from './fill-columns.js';
import { Gauge, type Stake } from './gauge.js';
import type { EquityPoint, FundingCharge } from './ledger.js';
import { liquidationPrice } from './liquidation.js';
import type { Bars } from './market-data.js';
import { Step } from './step.js';
import type { Terms } from './terms.js';

/** Rounding noise that a margin check forgives, as in `Account`. */
const MARGIN_TOLERANCE = 1e-9;

/**
 * The money of a run that holds one side at a time, in isolated margin, and only takes: what `Account` and `Matching` do
 * for one, as plain numbers. A property test holds both to the same digits.
 */
export class OneWayAccount implements Stake {
  balance: number;
  /** Base units, a short negative. */
  net = 0;
  /** Equity at a price of zero: equity(p) = base + net × p. */
  base: number;
  liquidationBelow = Number.NaN;
  liquidationAbove = Number.NaN;
  realized = 0;
  fees = 0;
  funding = 0;
  /** Microseconds with a position that is closed. */
  exposed = 0;
  readonly fills: FillColumns;
  readonly fundings: FundingCharge[] = [];
  readonly equity: EquityPoint[] = [];
  readonly gauge: Gauge;
  readonly #terms: Terms;
  readonly #tick: Step;
  readonly #lot: Step;
  #cost = 0;
  #since = 0;

  /** Has room for so many fills. */
  constructor(terms: Terms, feed: Bars, mostFills: number) {
    this.#terms = terms;
    this.#tick = new Step(terms.tickSize);
    this.#lot = new Step(terms.lotSize);
    this.balance = terms.deposit;
    this.base = terms.deposit;
    this.gauge = new Gauge(terms.deposit, feed);
    this.fills = new FillColumns(mostFills);
  }

  get gross(): number {
    return Math.abs(this.net);
  }

  /** Returns the amount that a wish, a signed multiple of equity, comes to at a price; equity is the balance when flat. */
  amountOf(wish: number, price: number): number {
    return this.#lot.down((Math.abs(wish) * this.balance) / price);
  }

  /** Returns the price that a taker gets. */
  takerPrice(price: number, isBuy: boolean): number {
    const { slippage } = this.#terms;
    if (slippage === 0) return price;
    return isBuy ? this.#tick.up(price * (1 + slippage)) : this.#tick.down(price * (1 - slippage));
  }

  /** Returns whether the free margin covers so much. */
  canOpen(price: number, amount: number): boolean {
    const { leverage, deposit } = this.#terms;
    return (price * amount) / leverage <= this.balance + deposit * MARGIN_TOLERANCE;
  }

  /** Opens a side with nothing held; `market` is the traded price, `price` what a taker gets. */
  open(time: number, market: number, price: number, signed: number): void {
    const amount = Math.abs(signed);
    const fee = price * amount * this.#terms.takerFee;
    const held = this.#lot.tidy(amount);
    this.net = signed > 0 ? held : -held;
    this.#cost = amount * price;
    this.#since = time;
    this.fills.add(time, price, signed, fee, 0, this.net, signed > 0);
    this.#book(fee, 0);
    this.#measure(time, market);
  }

  /** Closes what is held. */
  close(time: number, market: number): void {
    const isLong = this.net > 0;
    const amount = Math.abs(this.net);
    const price = this.takerPrice(market, !isLong);
    const fee = price * amount * this.#terms.takerFee;
    this.gauge.extend(market);
    this.gauge.settle(this);
    const realized = (isLong ? 1 : -1) * (amount * price - this.#cost);
    this.fills.add(time, price, -this.net, fee, realized, 0, isLong);
    this.net = 0;
    this.#cost = 0;
    this.exposed += time - this.#since;
    this.#book(fee, realized);
    this.#measure(time, market);
  }

  /** Charges a funding rate on what is held. */
  charge(time: number, price: number, rate: number): void {
    if (this.net === 0) return;
    this.gauge.settle(this);
    const isLong = this.net > 0;
    const amount = Math.abs(this.net) * price * rate * (isLong ? -1 : 1);
    this.fundings.push({ time, position: isLong ? 'long' : 'short', amount });
    this.funding += amount;
    this.balance += amount;
    this.#measure(time, price);
  }

  /** Writes a point of the equity curve. */
  record(time: number, price: number): void {
    const equity = this.net === 0 ? this.balance : this.base + this.net * price;
    this.equity.push({ time, equity, balance: this.balance, net: this.net, depth: this.gauge.depth(equity) });
  }

  /** Ends the run: what is still held was held until here. */
  finish(time: number): void {
    this.gauge.settle(this);
    if (this.net !== 0) this.exposed += time - this.#since;
  }

  #book(fee: number, realized: number): void {
    this.realized += realized;
    this.fees += fee;
    this.balance += realized - fee;
  }

  /** Finds base and liquidation anew, and notes equity at a price. */
  #measure(time: number, price: number): void {
    const { net, gauge } = this;
    this.base = net < 0 ? this.balance + this.#cost : this.balance - this.#cost;
    this.liquidationBelow = this.#liquidation(true);
    this.liquidationAbove = this.#liquidation(false);
    gauge.restart(price, this);
    gauge.note(this.base + net * price, time);
  }

  #liquidation(isLong: boolean): number {
    if (isLong ? this.net <= 0 : this.net >= 0) return Number.NaN;
    return liquidationPrice(isLong, { amount: this.gross, cost: this.#cost }, this.#cost / this.#terms.leverage, this.#terms);
  }
}
