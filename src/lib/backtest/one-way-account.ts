import { FillColumns } from './fill-columns.js';
import { Gauge } from './gauge.js';
import type { EquityPoint, FundingCharge } from './ledger.js';
import { liquidationPrice } from './liquidation.js';
import type { Stretch } from './scan.js';
import { Step } from './step.js';
import type { Terms } from './terms.js';

/** Rounding noise that a margin check forgives, as in `Account`. */
const MARGIN_TOLERANCE = 1e-9;

/**
 * The money of a run that holds one side at a time, in isolated margin, and only takes: what `Account` and `Matching` do
 * for one, as plain numbers. A property test holds both to the same digits.
 */
export class OneWayAccount {
  balance: number;
  /** Base units, a short negative. */
  held = 0;
  realized = 0;
  fees = 0;
  funding = 0;
  maxLeverage = 0;
  leastDistance = Number.POSITIVE_INFINITY;
  /** Microseconds with a position that is closed. */
  exposed = 0;
  readonly fills: FillColumns;
  readonly fundings: FundingCharge[] = [];
  readonly equity: EquityPoint[] = [];
  readonly gauge: Gauge;
  readonly stretch = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, base: 0, net: 0, isFlat: true };
  readonly #terms: Terms;
  readonly #tick: Step;
  readonly #lot: Step;
  #cost = 0;
  #since = 0;

  /** Has room for so many fills. */
  constructor(terms: Terms, start: number, mostFills: number) {
    this.#terms = terms;
    this.#tick = new Step(terms.tickSize);
    this.#lot = new Step(terms.lotSize);
    this.balance = terms.deposit;
    this.gauge = new Gauge(terms.deposit, start);
    this.fills = new FillColumns(mostFills);
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
    this.held = signed > 0 ? held : -held;
    this.#cost = amount * price;
    this.#since = time;
    this.fills.add(time, price, signed, fee, 0, this.held, signed > 0);
    this.#book(fee, 0);
    this.#measure(time, market);
  }

  /** Closes what is held. */
  close(time: number, market: number): void {
    const isLong = this.held > 0;
    const amount = Math.abs(this.held);
    const price = this.takerPrice(market, !isLong);
    const fee = price * amount * this.#terms.takerFee;
    this.gauge.extend(market);
    this.settleExtremes();
    const realized = (isLong ? 1 : -1) * (amount * price - this.#cost);
    this.fills.add(time, price, -this.held, fee, realized, 0, isLong);
    this.held = 0;
    this.#cost = 0;
    this.exposed += time - this.#since;
    this.#book(fee, realized);
    this.#measure(time, market);
  }

  /** Charges a funding rate on what is held. */
  charge(time: number, price: number, rate: number): void {
    if (this.held === 0) return;
    this.settleExtremes();
    const isLong = this.held > 0;
    const amount = Math.abs(this.held) * price * rate * (isLong ? -1 : 1);
    this.fundings.push({ time, position: isLong ? 'long' : 'short', amount });
    this.funding += amount;
    this.balance += amount;
    this.#measure(time, price);
  }

  /** Writes a point of the equity curve. */
  record(time: number, price: number): void {
    const { base, net, isFlat } = this.stretch;
    const equity = isFlat ? this.balance : base + net * price;
    this.equity.push({ time, equity, balance: this.balance, net: this.held, depth: this.gauge.depth(equity) });
  }

  /** Ends the run: what is still held was held until here. */
  finish(time: number): void {
    this.settleExtremes();
    if (this.held !== 0) this.exposed += time - this.#since;
  }

  /** Takes the extremes since the position last changed into account. */
  settleExtremes(): void {
    if (this.stretch.isFlat) return;
    this.#noteExtreme(this.gauge.lowest);
    this.#noteExtreme(this.gauge.highest);
  }

  #noteExtreme(price: number): void {
    const { base, net, low, high } = this.stretch as Stretch;
    const equity = base + net * price;
    const leverage = equity > 0 ? (Math.abs(net) * price) / equity : 0;
    if (leverage > this.maxLeverage) this.maxLeverage = leverage;
    const distance = net > 0 ? (price - low) / price : (high - price) / price;
    if (distance < this.leastDistance) this.leastDistance = distance > 0 ? distance : 0;
  }

  #book(fee: number, realized: number): void {
    this.realized += realized;
    this.fees += fee;
    this.balance += realized - fee;
  }

  /** Finds the stretch anew, and equity at a price. */
  #measure(time: number, price: number): void {
    const { stretch, held } = this;
    stretch.isFlat = held === 0;
    stretch.net = held;
    stretch.base = held < 0 ? this.balance + this.#cost : this.balance - this.#cost;
    stretch.low = Number.NEGATIVE_INFINITY;
    stretch.high = Number.POSITIVE_INFINITY;
    if (held !== 0) this.#boundByLiquidation();
    this.gauge.restart(price);
    this.gauge.note(stretch.base + stretch.net * price, time);
  }

  #boundByLiquidation(): void {
    const isLong = this.held > 0;
    const holding = { amount: Math.abs(this.held), cost: this.#cost };
    const price = liquidationPrice(isLong, holding, this.#cost / this.#terms.leverage, this.#terms);
    if (isLong && price > 0) this.stretch.low = price;
    if (!isLong && price > 0) this.stretch.high = price;
  }
}
