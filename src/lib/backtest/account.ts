import type { PositionValue } from './equity-tracker.js';
import type { FundingCharge } from './ledger.js';
import { hedgedLiquidationPrice, isolatedMargin, liquidationPrice } from './liquidation.js';
import type { PositionSide } from './orders.js';
import type { Rounding } from './rounding.js';
import type { ExecutionTerms } from './terms.js';

/** Position of one side. `cost` is Σ amount × entry price of the amount still held. */
type Position = { amount: number; cost: number };

/** One fill as the account sees it; `opens` adds to the position. */
type Booking = {
  readonly position: PositionSide;
  readonly opens: boolean;
  readonly price: number;
  readonly amount: number;
  readonly fee: number;
};

/** Rounding noise that a margin check ignores, as a fraction of the deposit. */
const MARGIN_TOLERANCE = 1e-9;
/** A remainder below this fraction of the position is zero: without a lot size, sums of amounts are not exact. */
const DUST = 1e-12;

/**
 * Balance and positions of a run. The balance is deposit + realised profit − fees + funding. Equity adds the unrealised
 * profit: at every moment, equity = deposit + realised + unrealised − fees + funding.
 */
export class Account implements PositionValue {
  readonly long: Position = { amount: 0, cost: 0 };
  readonly short: Position = { amount: 0, cost: 0 };
  balance: number;
  realized = 0;
  fees = 0;
  funding = 0;
  /** Prices at which a falling or a rising price liquidates; NaN if none does. */
  liquidationBelow = Number.NaN;
  liquidationAbove = Number.NaN;
  readonly #terms: ExecutionTerms;
  readonly #lot: Rounding;

  constructor(terms: ExecutionTerms, lot: Rounding) {
    this.#terms = terms;
    this.#lot = lot;
    this.balance = terms.deposit;
  }

  /** Long minus short, base units. */
  get net(): number {
    return this.long.amount - this.short.amount;
  }

  /** Equity at a price of zero: equity(p) = base + net × p. */
  get base(): number {
    return this.balance - this.long.cost + this.short.cost;
  }

  /** Long plus short, base units. */
  get gross(): number {
    return this.long.amount + this.short.amount;
  }

  get isFlat(): boolean {
    return this.long.amount === 0 && this.short.amount === 0;
  }

  equity(price: number): number {
    return this.base + this.net * price;
  }

  /** Returns whether the free margin covers an opening order. Cross margin counts unrealised profit, isolated does not. */
  canOpen(price: number, amount: number): boolean {
    const { leverage, marginMode, deposit, takerFee } = this.#terms;
    const bound = (this.long.cost + this.short.cost) / leverage;
    const value = marginMode === 'isolated' ? this.balance : this.equity(price);
    return price * amount * takerFee <= value && (price * amount) / leverage <= value - bound + deposit * MARGIN_TOLERANCE;
  }

  /**
   * Returns the worst price at which a side can close: there, nothing is left of what may pay for the loss and the fee. A
   * jump beyond it would leave a debt, which an exchange takes from its insurance fund and never from the trader.
   */
  worstClose(side: PositionSide, amount: number, feeRate: number, price: number): number {
    const other = side === 'long' ? 'short' : 'long';
    const { marginMode } = this.#terms;
    const behind =
      marginMode === 'isolated' ? this.balance - this.#marginOf(other) : this.balance + this.#unrealized(other, price);
    const held = this[side];
    const cost = (held.cost * amount) / held.amount;
    const covered = Math.max(0, behind);
    if (side === 'long') return Math.max(0, cost - covered) / (amount * (1 - feeRate));
    return (cost + covered) / (amount * (1 + feeRate));
  }

  /**
   * Returns the bankruptcy price of a side: there, its whole margin is lost, in cross margin the whole balance. Both
   * exchanges close a liquidated position there, whatever the market price (Bybit help centre, "Bankruptcy Price (USDT
   * Contract)"; Bitget support, "Forced liquidation"); the difference goes to the insurance fund.
   */
  bankruptcyPrice(side: PositionSide): number {
    const { amount, cost } = this[side];
    const margin = this.#terms.marginMode === 'isolated' ? this.#marginOf(side) : this.balance;
    return Math.max(0, side === 'long' ? cost - margin : cost + margin) / amount;
  }

  /** Books a fill and returns its realised profit before the fee. */
  book({ position, opens, price, amount, fee }: Booking): number {
    const held = this[position];
    const realized = opens ? 0 : this.#reduce(held, position === 'long' ? 1 : -1, price, amount);
    if (opens) {
      held.amount = this.#lot.tidy(held.amount + amount);
      held.cost += amount * price;
    }
    this.realized += realized;
    this.fees += fee;
    this.balance += realized - fee;
    this.#findLiquidation();
    return realized;
  }

  /** Charges a funding rate at `price` and returns the charge of each side. With a positive rate, longs pay shorts. */
  chargeFunding(rate: number, price: number, time: number): FundingCharge[] {
    const charges: FundingCharge[] = [];
    for (const position of ['long', 'short'] as const) {
      const { amount } = this[position];
      if (amount === 0) continue;
      const paid = this.#withinBalance(amount * price * rate * (position === 'long' ? -1 : 1));
      charges.push({ time, position, amount: paid });
      this.funding += paid;
      this.balance += paid;
    }
    this.#findLiquidation();
    return charges;
  }

  #marginOf(side: PositionSide): number {
    const { leverage } = this.#terms;
    return isolatedMargin(this[side].cost / leverage, this[side === 'long' ? 'short' : 'long'].cost / leverage, this.balance);
  }

  #unrealized(side: PositionSide, price: number): number {
    const { amount, cost } = this[side];
    return (amount * price - cost) * (side === 'long' ? 1 : -1);
  }

  /** Limits a payment to the balance in isolated margin; the position is then liquidated, having no margin left. */
  #withinBalance(paid: number): number {
    return this.#terms.marginMode === 'isolated' && -paid > this.balance ? -Math.max(0, this.balance) : paid;
  }

  #reduce(held: Position, sign: number, price: number, amount: number): number {
    const whole = amount >= held.amount * (1 - DUST);
    const cost = whole ? held.cost : (held.cost * amount) / held.amount;
    held.amount = whole ? 0 : this.#lot.tidy(held.amount - amount);
    held.cost = whole ? 0 : held.cost - cost;
    return sign * (amount * price - cost);
  }

  #findLiquidation(): void {
    const { long, short, balance } = this;
    const terms = this.#terms;
    if (terms.marginMode === 'cross' && long.amount > 0 && short.amount > 0) {
      const { price, isLow } = hedgedLiquidationPrice(long, short, balance, terms);
      this.liquidationBelow = isLow ? price : Number.NaN;
      this.liquidationAbove = isLow ? Number.NaN : price;
      return;
    }
    const margin = (side: PositionSide) => (terms.marginMode === 'cross' ? balance : this.#marginOf(side));
    this.liquidationBelow = liquidationPrice(true, long, margin('long'), terms);
    this.liquidationAbove = liquidationPrice(false, short, margin('short'), terms);
  }
}
