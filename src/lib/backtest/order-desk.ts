import { executesOnFall, type Order, type OrderRequest, opensPosition, type PositionSide } from './orders.js';
import { neighbour, Rounding } from './rounding.js';
import type { ExecutionTerms } from './terms.js';

/** An order or a cancellation on its way to the exchange. */
type Message = { readonly at: number; readonly order: Order; readonly cancels: boolean };

/** Numbers of orders by outcome. */
export type OrderCounts = { placed: number; active: number; filled: number; refused: number; rejected: number };

/** Own orders: pending (on their way), active, done. Its bounds are the nearest prices at which an active order acts. */
export class OrderDesk {
  readonly counts: OrderCounts = { placed: 0, active: 0, filled: 0, refused: 0, rejected: 0 };
  readonly tick: Rounding;
  readonly lot: Rounding;
  /** Active orders, in order of activation. */
  readonly active: Order[] = [];
  /** Highest trigger below the market and lowest trigger above it; a price equal to a bound has reached it. */
  low = Number.NEGATIVE_INFINITY;
  high = Number.POSITIVE_INFINITY;
  /** Number of active orders that execute as taker at the next price. */
  pendingMarketOrders = 0;
  readonly #terms: ExecutionTerms;
  readonly #pending: Message[] = [];
  #next = 1;

  constructor(terms: ExecutionTerms) {
    this.#terms = terms;
    this.tick = new Rounding(terms.tickSize);
    this.lot = new Rounding(terms.lotSize);
  }

  /** Time at which the next order or cancellation takes effect. */
  get nextArrival(): number {
    return this.#pending[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Orders that are not done, pending ones included. */
  get open(): readonly Order[] {
    const pending = this.#pending.filter(({ cancels, order }) => !cancels && order.state === 'pending').map(({ order }) => order);
    return [...this.active, ...pending];
  }

  /** Sends an order; returns undefined if an exchange would refuse it. */
  place(request: OrderRequest, now: number, price: number): Order | undefined {
    const opens = opensPosition(request);
    const amount = this.lot.down(request.amount);
    if (!this.#accepts(request, amount, opens, price)) {
      this.counts.refused++;
      return undefined;
    }
    const order: Order = {
      id: this.#next++,
      kind: request.kind,
      position: request.position,
      side: request.side,
      amount,
      reason: request.reason,
      opens,
      activeAt: now + this.#terms.latency,
      distance: request.distance ?? 0,
      price: request.price ?? Number.NaN,
      remaining: amount,
      filled: 0,
      state: 'pending',
      takes: request.kind === 'market',
      armed: false,
      best: Number.NaN,
      queue: -1,
      seen: -1,
    };
    this.counts.placed++;
    this.#pending.push({ at: order.activeAt, order, cancels: false });
    return order;
  }

  cancel(order: Order, now: number): void {
    if (order.state !== 'done') this.#pending.push({ at: now + this.#terms.latency, order, cancels: true });
  }

  /** Activates and returns the next order that is due by `now`; first carries out the cancellations due before it. */
  arrive(now: number, price: number): Order | undefined {
    while (this.nextArrival <= now) {
      const { order, cancels } = this.#pending.shift() as Message;
      if (cancels) this.finish(order);
      else if (order.state === 'pending') return this.#activate(order, price);
    }
    return undefined;
  }

  /** Removes an order that is filled, cancelled or rejected. */
  finish(order: Order): void {
    if (order.state === 'active') {
      this.active.splice(this.active.indexOf(order), 1);
      if (order.takes) this.pendingMarketOrders--;
    }
    if (order.state !== 'done' && order.filled > 0) this.counts.filled++;
    order.state = 'done';
    this.measure();
  }

  /** Removes the closing orders of a side that is flat. */
  finishClosing(position: PositionSide): void {
    const closes = (order: Order) => order.position === position && !order.opens && order.state !== 'done';
    for (const order of this.active.filter(closes)) this.finish(order);
    for (const { cancels, order } of this.#pending) if (!cancels && closes(order)) this.finish(order);
  }

  /** Removes all orders of a side, or of both sides: active ones and those on their way. */
  finishAll(position: PositionSide | undefined): void {
    const concerns = (order: Order) => (position === undefined || order.position === position) && order.state !== 'done';
    for (const order of this.active.filter(concerns)) this.finish(order);
    for (const { cancels, order } of this.#pending) if (!cancels && concerns(order)) this.finish(order);
  }

  /** Turns an order that would have executed as taker into a resting one. */
  rest(order: Order): void {
    order.takes = false;
    this.pendingMarketOrders--;
    this.measure();
  }

  /** Moves trailing stops to the extremes of the price. */
  follow(lowest: number, highest: number): void {
    for (const order of this.active) if (order.kind === 'trailing') this.#trail(order, order.side === 'sell' ? highest : lowest);
  }

  /** Recomputes the bounds. */
  measure(): void {
    this.low = Number.NEGATIVE_INFINITY;
    this.high = Number.POSITIVE_INFINITY;
    for (const order of this.active) {
      if (order.kind === 'trailing') this.#boundBy(this.#ratchetOf(order), order.side === 'buy');
      if (!order.takes) this.#boundBy(this.triggerOf(order), executesOnFall(order));
    }
  }

  /** Returns the price at which an order executes; for `through` the next number beyond its limit. */
  triggerOf(order: Order): number {
    if (order.kind === 'limit') {
      if (this.#terms.fill !== 'through') return order.price;
      return neighbour(order.price, order.side === 'buy' ? -1 : 1);
    }
    return order.kind === 'trailing' && !order.armed ? Number.NaN : order.price;
  }

  #boundBy(trigger: number, isFall: boolean): void {
    if (isFall && trigger > this.low) this.low = trigger;
    else if (!isFall && trigger < this.high) this.high = trigger;
  }

  /** Returns the price from which a trailing stop moves: a new best price, or its arming price. */
  #ratchetOf(order: Order): number {
    return order.armed ? neighbour(order.best, order.side === 'sell' ? 1 : -1) : order.price;
  }

  #trail(order: Order, price: number): void {
    const sells = order.side === 'sell';
    const beyond = (limit: number) => (sells ? price >= limit : price <= limit);
    if (order.armed ? !beyond(this.#ratchetOf(order)) : !beyond(order.price)) return;
    order.armed = true;
    order.best = price;
    order.price = sells ? this.tick.down(price * (1 - order.distance)) : this.tick.up(price * (1 + order.distance));
    this.measure();
  }

  #activate(order: Order, price: number): Order {
    order.state = 'active';
    // A limit order beyond the market on arrival executes as taker instead of resting.
    order.takes ||= order.kind === 'limit' && (order.side === 'buy' ? price < order.price : price > order.price);
    this.active.push(order);
    this.counts.active++;
    if (order.takes) this.pendingMarketOrders++;
    this.measure();
    return order;
  }

  #accepts({ kind, price, position }: OrderRequest, amount: number, opens: boolean, market: number): boolean {
    if (!(amount > 0)) return false;
    if (kind !== 'market' && !(price !== undefined && price > 0)) return false;
    if (!opens) return true;
    const { minAmount = 0, minNotional = 0, spot } = this.#terms;
    const value = amount * (kind === 'market' ? market : (price as number));
    return amount >= minAmount && value >= minNotional && !(spot && position === 'short');
  }
}
