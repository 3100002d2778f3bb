import { EquityTracker, type PositionValue } from './equity-tracker.js';
import { FillColumns } from './fill-columns.js';
import type { EquityPoint, FundingCharge } from './ledger.js';
import { isolatedMargin, liquidationPrice } from './liquidation.js';
import type { Bars } from './market-data.js';
import { Rounding } from './rounding.js';
import type { ExecutionTerms } from './terms.js';

/** Rounding noise that a margin check ignores, as in `Account`. */
const MARGIN_TOLERANCE = 1e-9;

/**
 * Balance and position of a run that holds one side at a time, in isolated margin, with market orders only. It computes in
 * plain numbers what `Account` and `Matching` compute with objects. A property test checks that all digits are equal.
 */
export class OneWayAccount implements PositionValue {
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
  /** Microseconds with an open position; the current one is added by `finish`. */
  exposed = 0;
  readonly fills: FillColumns;
  readonly fundings: FundingCharge[] = [];
  readonly equity: EquityPoint[] = [];
  readonly tracker: EquityTracker;
  readonly #terms: ExecutionTerms;
  readonly #tick: Rounding;
  readonly #lot: Rounding;
  #cost = 0;
  #since = 0;

  /** `mostFills` is the capacity of the fill table. */
  constructor(terms: ExecutionTerms, feed: Bars, mostFills: number) {
    this.#terms = terms;
    this.#tick = new Rounding(terms.tickSize);
    this.#lot = new Rounding(terms.lotSize);
    this.balance = terms.deposit;
    this.base = terms.deposit;
    this.tracker = new EquityTracker(terms.deposit, feed);
    this.fills = new FillColumns(mostFills);
  }

  get gross(): number {
    return Math.abs(this.net);
  }

  /** Returns the amount of a target exposure (a signed multiple of equity) at a price, for a flat account. */
  amountOf(target: number, price: number): number {
    return this.#lot.down((Math.abs(target) * this.balance) / price);
  }

  /** Returns the taker price: `price` with slippage. */
  takerPrice(price: number, isBuy: boolean): number {
    const { slippage } = this.#terms;
    if (slippage === 0) return price;
    return isBuy ? this.#tick.up(price * (1 + slippage)) : this.#tick.down(price * (1 - slippage));
  }

  /** Returns whether the free margin covers an opening order. */
  canOpen(price: number, amount: number): boolean {
    const { leverage, deposit, takerFee } = this.#terms;
    const { balance } = this;
    return price * amount * takerFee <= balance && (price * amount) / leverage <= balance + deposit * MARGIN_TOLERANCE;
  }

  /** Opens a position from flat; `market` is the traded price, `price` the taker price. */
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

  /** Closes the position; returns false, and does nothing, if the balance does not cover its loss. */
  close(time: number, market: number): boolean {
    const isLong = this.net > 0;
    const amount = Math.abs(this.net);
    const price = this.takerPrice(market, !isLong);
    const fee = price * amount * this.#terms.takerFee;
    if (this.balance + (isLong ? 1 : -1) * (amount * price - this.#cost) - fee <= 0) return false;
    this.tracker.extendRange(market);
    this.tracker.measureRange(this);
    const realized = (isLong ? 1 : -1) * (amount * price - this.#cost);
    this.fills.add(time, price, -this.net, fee, realized, 0, isLong);
    this.net = 0;
    this.#cost = 0;
    this.exposed += time - this.#since;
    this.#book(fee, realized);
    this.#measure(time, market);
    return true;
  }

  /** Charges a funding rate on the position. */
  charge(time: number, price: number, rate: number): void {
    if (this.net === 0) return;
    this.tracker.measureRange(this);
    const isLong = this.net > 0;
    const owed = Math.abs(this.net) * price * rate * (isLong ? -1 : 1);
    const amount = -owed > this.balance ? -Math.max(0, this.balance) : owed;
    this.fundings.push({ time, position: isLong ? 'long' : 'short', amount });
    this.funding += amount;
    this.balance += amount;
    this.#measure(time, price);
  }

  /** Adds a traded price to the tracker. */
  observe(time: number, price: number): void {
    if (this.net === 0) return;
    this.tracker.extendRange(price);
    this.tracker.addEquity(this.base + this.net * price, time);
  }

  /** Adds a point to the equity curve. */
  record(time: number, price: number): void {
    const equity = this.net === 0 ? this.balance : this.base + this.net * price;
    this.equity.push({ time, equity, balance: this.balance, net: this.net, drawdown: this.tracker.drawdown(equity) });
  }

  /** Ends the run; an open position counts as held until `time`. */
  finish(time: number): void {
    this.tracker.measureRange(this);
    if (this.net !== 0) this.exposed += time - this.#since;
  }

  #book(fee: number, realized: number): void {
    this.realized += realized;
    this.fees += fee;
    this.balance += realized - fee;
  }

  /** Recomputes base and liquidation prices, and adds equity at a price to the tracker. */
  #measure(time: number, price: number): void {
    const { net, tracker } = this;
    this.base = net < 0 ? this.balance + this.#cost : this.balance - this.#cost;
    this.liquidationBelow = this.#liquidation(true);
    this.liquidationAbove = this.#liquidation(false);
    tracker.restartRange(price, this);
    tracker.addEquity(this.base + net * price, time);
  }

  #liquidation(isLong: boolean): number {
    if (isLong ? this.net <= 0 : this.net >= 0) return Number.NaN;
    const margin = isolatedMargin(this.#cost / this.#terms.leverage, 0, this.balance);
    return liquidationPrice(isLong, { amount: this.gross, cost: this.#cost }, margin, this.#terms);
  }
}
