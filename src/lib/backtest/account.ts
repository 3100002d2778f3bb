import type { Stake } from './gauge.js';
import type { FundingCharge } from './ledger.js';
import { liquidationPrice, sharedLiquidationPrice } from './liquidation.js';
import type { PositionSide } from './orders.js';
import type { Step } from './step.js';
import type { Terms } from './terms.js';

/** What is held on one side. `cost` is Σ amount × price of what is still held. */
type Position = { amount: number; cost: number };

/** One fill as the account sees it; `opens` adds to the position. */
type Booking = {
  readonly position: PositionSide;
  readonly opens: boolean;
  readonly price: number;
  readonly amount: number;
  readonly fee: number;
};

/** Rounding noise that a margin check forgives, as a fraction of the deposit. */
const MARGIN_TOLERANCE = 1e-9;
/** What is left of a position, as a fraction of it, is nothing: sums of amounts without a lot are not exact. */
const DUST = 1e-12;

/**
 * The money of a run. The balance holds the deposit, realised profit, fees and funding; equity adds the unrealised profit,
 * so that equity = deposit + realised + unrealised − fees + funding at every moment.
 */
export class Account implements Stake {
  readonly long: Position = { amount: 0, cost: 0 };
  readonly short: Position = { amount: 0, cost: 0 };
  balance: number;
  realized = 0;
  fees = 0;
  funding = 0;
  /** Prices at which a fall or a rise liquidates; NaN where none does. */
  liquidationBelow = Number.NaN;
  liquidationAbove = Number.NaN;
  readonly #terms: Terms;
  readonly #lot: Step;

  constructor(terms: Terms, lot: Step) {
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

  /** Returns whether the margin allows to open so much; isolated margins are bound, cross counts what is unrealised. */
  canOpen(price: number, amount: number): boolean {
    const { leverage, marginMode, deposit } = this.#terms;
    const bound = (this.long.cost + this.short.cost) / leverage;
    const free = (marginMode === 'isolated' ? this.balance : this.equity(price)) - bound;
    return (price * amount) / leverage <= free + deposit * MARGIN_TOLERANCE;
  }

  /** Books a fill and returns what it realised, before its fee. */
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

  /** Charges a funding rate on what is held at `price` and returns what each side got: longs pay a positive rate to shorts. */
  settle(rate: number, price: number, time: number): FundingCharge[] {
    const charges: FundingCharge[] = [];
    for (const position of ['long', 'short'] as const) {
      const { amount } = this[position];
      if (amount === 0) continue;
      const paid = amount * price * rate * (position === 'long' ? -1 : 1);
      charges.push({ time, position, amount: paid });
      this.funding += paid;
      this.balance += paid;
    }
    this.#findLiquidation();
    return charges;
  }

  /** Returns what a liquidation may take of a side: its margin, in cross margin all there is. */
  marginOf(side: PositionSide): number {
    const { marginMode, leverage } = this.#terms;
    if (marginMode === 'isolated') return this[side].cost / leverage;
    return this.balance - this[side === 'long' ? 'short' : 'long'].cost / leverage;
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
      const { price, isLow } = sharedLiquidationPrice(long, short, balance, terms);
      this.liquidationBelow = isLow ? price : Number.NaN;
      this.liquidationAbove = isLow ? Number.NaN : price;
      return;
    }
    const margin = (held: Position) => (terms.marginMode === 'cross' ? balance : held.cost / terms.leverage);
    this.liquidationBelow = liquidationPrice(true, long, margin(long), terms);
    this.liquidationAbove = liquidationPrice(false, short, margin(short), terms);
  }
}
