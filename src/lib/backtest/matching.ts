import type { Side } from '../model/records.js';
import { Account } from './account.js';
import { EquityTracker } from './equity-tracker.js';
import { type Execution, Ledger } from './ledger.js';
import type { MarketData } from './market-data.js';
import { OrderDesk } from './order-desk.js';
import { executesOnFall, type Order, type PositionSide } from './orders.js';
import { Queues } from './queue.js';
import { Rounding } from './rounding.js';
import type { ExecutionTerms } from './terms.js';

/** The engine as matching sees it: the current time and the callbacks for fills and rejections. */
type Exchange = {
  readonly now: number;
  filled(fill: Execution): void;
  rejected(order: Order): void;
};

/** What a price executes: an own order, or the liquidation of a side. */
type Target = { readonly trigger: number; readonly order?: Order | undefined; readonly liquidated?: PositionSide | undefined };

/** One price move: a trade jumps to `to`; a leg of a candle's path passes every price in between (`passing`). */
type Move = { readonly to: number; readonly passing: boolean; readonly taker: Side | undefined };

/**
 * Matches own orders against prices. A trade, or a leg of a candle's path, executes the orders it reaches, nearest first.
 * Limit orders share the traded amount; each order is matched once per trade. A limit order fills at its own price. A stop
 * fills at the trade that triggered it, inside a candle at its trigger. Taker fills add the slippage.
 */
export class Matching {
  readonly account: Account;
  readonly desk: OrderDesk;
  readonly tracker: EquityTracker;
  readonly ledger = new Ledger();
  price = Number.NaN;
  /** The current mark price, which equity and liquidation then follow; NaN without one: they follow traded prices. */
  mark = Number.NaN;
  readonly liquidations: number[] = [];
  /** Restricts matching to one side, when long and short take different paths through a candle. */
  only: PositionSide | undefined;
  readonly #terms: ExecutionTerms;
  readonly #queues: Queues;
  readonly #exchange: Exchange;
  #budget = 0;
  #event = 0;

  constructor(data: MarketData, terms: ExecutionTerms, exchange: Exchange) {
    this.#terms = terms;
    this.#exchange = exchange;
    this.desk = new OrderDesk(terms);
    this.account = new Account(terms, new Rounding(terms.lotSize));
    this.tracker = new EquityTracker(terms.deposit, data.feed);
    this.#queues = new Queues(data.books);
  }

  get isMarked(): boolean {
    return !Number.isNaN(this.mark);
  }

  /** The price that equity is valued at: the mark price, else the last traded price. */
  get valuation(): number {
    return this.isMarked ? this.mark : this.price;
  }

  /** Prices between which nothing executes. Liquidation counts as a bound unless mark prices decide it. */
  get low(): number {
    const { liquidationBelow } = this.account;
    return !this.isMarked && liquidationBelow > this.desk.low ? liquidationBelow : this.desk.low;
  }

  get high(): number {
    const { liquidationAbove } = this.account;
    return !this.isMarked && liquidationAbove < this.desk.high ? liquidationAbove : this.desk.high;
  }

  /** Begins an event with its traded amount; each order is matched once per event. */
  begin(amount: number): void {
    this.#event++;
    this.#budget = amount;
  }

  /** Executes the pending market orders at `price`. */
  take(price: number): void {
    this.price = price;
    if (this.desk.pendingMarketOrders === 0) return;
    for (const order of this.desk.active.filter(({ takes }) => takes)) {
      if (order.state !== 'active') continue;
      const better = order.side === 'buy' ? price <= order.price : price >= order.price;
      if (order.kind === 'limit' && !better) this.desk.rest(order);
      else this.#execute(order, this.#takerPrice(order, price), order.remaining, false);
    }
  }

  /** Returns whether a price is at or beyond a bound. If not, nothing can execute. */
  reaches(price: number): boolean {
    return price <= this.low || price >= this.high;
  }

  /** Moves the price and executes the orders it reaches. */
  move(move: Move): void {
    while (this.reaches(move.to)) {
      const target = this.#nearest(move, true) ?? this.#nearest(move, false);
      if (target === undefined) break;
      this.#hit(target, move);
    }
    this.price = move.to;
  }

  /** Checks liquidation against the mark price. */
  checkMark(): void {
    if (this.mark <= this.account.liquidationBelow) this.#liquidate(this.#sideAt(true), this.price);
    if (this.mark >= this.account.liquidationAbove) this.#liquidate(this.#sideAt(false), this.price);
  }

  /** Adds a traded price to the tracker, unless mark prices decide equity. Of one side's own path, only if it is the net. */
  observe(price: number): void {
    const { account, tracker, only } = this;
    if (this.isMarked || account.isFlat) return;
    tracker.extendRange(price);
    if (only === undefined || account.net > 0 === (only === 'long')) tracker.addEquity(account.equity(price), this.#exchange.now);
  }

  /** Reads the queue ahead of an order that has become active. */
  arrived(order: Order): void {
    if (this.#terms.fill === 'volume' && order.kind === 'limit') order.queue = this.#queues.ahead(order, this.#exchange.now);
  }

  /** Returns the target that a fall (or a rise) to `to` reaches first; at equal prices, the earlier order. */
  #nearest({ to, taker }: Move, falls: boolean): Target | undefined {
    const liquidated = this.isMarked ? undefined : this.#sideAt(falls);
    const isOwn = liquidated !== undefined && (this.only === undefined || this.only === liquidated);
    let nearest = isOwn ? this.#liquidationAt(to, falls, liquidated) : undefined;
    for (const order of this.desk.active) {
      if (executesOnFall(order) !== falls || !this.#isMatched(order, to, taker)) continue;
      const trigger = this.desk.triggerOf(order);
      const isReached = falls ? to <= trigger : to >= trigger;
      if (!isReached) continue;
      if (nearest === undefined || (falls ? trigger > nearest.trigger : trigger < nearest.trigger)) nearest = { trigger, order };
    }
    return nearest;
  }

  /** Returns whether an order waits for a price and the event has amount left for it. */
  #isMatched(order: Order, to: number, taker: Side | undefined): boolean {
    if (order.takes || order.seen === this.#event) return false;
    if (this.only !== undefined && order.position !== this.only) return false;
    return order.kind !== 'limit' || (this.#budget > 0 && this.#isServed(order, to, taker));
  }

  #liquidationAt(to: number, falls: boolean, liquidated: PositionSide): Target | undefined {
    const trigger = falls ? this.account.liquidationBelow : this.account.liquidationAbove;
    return (falls ? to <= trigger : to >= trigger) ? { trigger, liquidated } : undefined;
  }

  /** In `volume`, a trade at the order's own price fills it only if the taker is known to have been on the opposite side. */
  #isServed(order: Order, to: number, taker: Side | undefined): boolean {
    return this.#terms.fill !== 'volume' || to !== order.price || (taker !== undefined && taker !== order.side);
  }

  #hit({ order, trigger, liquidated }: Target, move: Move): void {
    if (liquidated !== undefined) this.#liquidate(liquidated, move.passing ? this.#onPath(trigger) : move.to);
    if (order === undefined) return;
    order.seen = this.#event;
    if (order.kind !== 'limit') {
      const price = move.passing ? this.#onPath(order.price) : move.to;
      this.price = price;
      this.#execute(order, this.#takerPrice(order, price), order.remaining, false);
      return;
    }
    const amount = this.#share(order, move.to);
    if (amount === 0) return;
    // A trade beyond the limit is the last traded price, not the limit: a position must not be valued at its own order.
    this.price = move.passing ? this.#onPath(order.price) : move.to;
    this.#execute(order, order.price, amount, true, move.passing);
  }

  /** Returns the trigger, or the nearest price of the path if the trigger lies outside it. */
  #onPath(trigger: number): number {
    const { lowest, highest } = this.path;
    return Math.min(Math.max(trigger, lowest), highest);
  }

  /** Price range of the current leg of a candle's path. */
  path = { lowest: 0, highest: 0 };

  /** Returns the amount that fills an order, in lots, and deducts it from the traded amount. */
  #share(order: Order, price: number): number {
    if (this.#terms.fill === 'volume' && price === order.price) {
      if (order.queue < 0) order.queue = this.#queues.ahead(order, this.#exchange.now);
      if (order.queue < 0) return 0;
      const before = Math.min(order.queue, this.#budget);
      order.queue -= before;
      this.#budget -= before;
    }
    const amount = Math.min(order.remaining, this.#budget);
    const whole = amount === order.remaining ? amount : this.desk.lot.down(amount);
    this.#budget -= whole;
    return whole;
  }

  #takerPrice(order: Order, price: number): number {
    const { slippage } = this.#terms;
    if (slippage === 0) return price;
    const worse = order.side === 'buy' ? this.desk.tick.up(price * (1 + slippage)) : this.desk.tick.down(price * (1 - slippage));
    if (order.kind !== 'limit') return worse;
    return order.side === 'buy' ? Math.min(worse, order.price) : Math.max(worse, order.price);
  }

  /** `isReached`: the price itself was traded, so that the position before the fill has seen it. */
  #execute(order: Order, price: number, wanted: number, maker: boolean, isReached = true): void {
    const { account, desk } = this;
    const amount = order.opens ? wanted : Math.min(wanted, account[order.position].amount);
    if (amount <= 0) {
      desk.finish(order);
      return;
    }
    if (order.opens && !account.canOpen(price, amount)) {
      desk.counts.rejected++;
      desk.finish(order);
      this.#exchange.rejected(order);
      return;
    }
    order.remaining = desk.lot.tidy(order.remaining - amount);
    // 0.011 + 0.003 is less than 0.014 in binary: an order that is filled in parts would never be whole.
    order.filled = desk.lot.tidy(order.filled + amount);
    if (order.remaining <= 0) desk.finish(order);
    const feeRate = maker ? this.#terms.makerFee : this.#terms.takerFee;
    const booked = order.opens ? price : this.#covered(order.position, price, amount, feeRate);
    const { tracker } = this;
    if (isReached) tracker.extendRangeTo(this.valuation, account);
    tracker.measureRange(account);
    const fill = this.#book(order, { price: booked, amount, fee: booked * amount * feeRate, maker });
    if (isReached || this.isMarked) tracker.restartRange(this.valuation, account);
    else tracker.clearRange();
    if (isReached || this.isMarked || account.isFlat) tracker.addEquity(account.equity(this.valuation), fill.time);
    this.#report(fill);
  }

  /** Returns the price of a closing fill: not beyond the one at which nothing is left. */
  #covered(position: PositionSide, price: number, amount: number, feeRate: number): number {
    const worst = this.account.worstClose(position, amount, feeRate, this.price);
    return position === 'long' ? Math.max(price, worst) : Math.min(price, worst);
  }

  #book(
    { id, side, position, reason, opens }: Pick<Order, 'id' | 'side' | 'position' | 'reason' | 'opens'>,
    { price, amount, fee, maker }: { price: number; amount: number; fee: number; maker: boolean },
  ): Execution {
    const { account } = this;
    const realized = account.book({ position, opens, price, amount, fee });
    const left = account[position].amount;
    const fill: Execution = {
      time: this.#exchange.now,
      order: id,
      side,
      position,
      price,
      amount,
      fee,
      maker,
      reason,
      realized,
      held: position === 'long' ? left : 0 - left,
      opens,
    };
    this.ledger.fills.push(fill);
    return fill;
  }

  #report(fill: Execution): void {
    if (fill.held === 0) this.desk.finishClosing(fill.position);
    this.#exchange.filled(fill);
  }

  /** Returns the side that a fall (or a rise) liquidates. */
  #sideAt(falls: boolean): PositionSide | undefined {
    const { account } = this;
    if (account.isFlat || Number.isNaN(falls ? account.liquidationBelow : account.liquidationAbove)) return undefined;
    return falls ? 'long' : 'short';
  }

  /**
   * Closes a side whose margin is used up, at its bankruptcy price; in cross margin both sides, the other one at `price`.
   * Their orders go first: an order on its way would otherwise open the position again after the liquidation.
   */
  #liquidate(side: PositionSide | undefined, price: number): void {
    if (side === undefined) return;
    const { account, tracker, desk } = this;
    const isCross = this.#terms.marginMode === 'cross';
    tracker.measureRange(account);
    tracker.restartRange(side === 'long' ? account.liquidationBelow : account.liquidationAbove, account);
    desk.finishAll(isCross ? undefined : side);
    this.price = price;
    this.liquidations.push(this.#exchange.now);
    const other = side === 'long' ? 'short' : 'long';
    const fills = isCross && account[other].amount > 0 ? [this.#closeOut(other, price)] : [];
    fills.push(this.#closeOut(side, account.bankruptcyPrice(side)));
    tracker.restartRange(this.valuation, account);
    tracker.addEquity(account.equity(this.valuation), this.#exchange.now);
    for (const fill of fills) this.#report(fill);
  }

  #closeOut(position: PositionSide, price: number): Execution {
    const side = position === 'long' ? 'sell' : 'buy';
    const { amount } = this.account[position];
    const order = { id: 0, side, position, reason: 'liquidation', opens: false } as const;
    return this.#book(order, { price, amount, fee: 0, maker: false });
  }
}
