import type { SymbolMarket } from '../../market/symbol-market.js';
import { Decimal, sum, ZERO } from './decimals.js';
import type { AccountFaults } from './faults.js';
import type { Ledger } from './ledger.js';
import { type EngineEvent, type Fill, isOpen, type Order, type Position, remaining } from './model.js';
import type { OrderStore } from './order-store.js';
import type { EngineRules } from './rules.js';
import type { Scheduler } from './scheduler.js';
import { amountOf, priceOf } from './terms.js';

/**
 * When resting orders fill. `touch`: a trade or quote at their price. `through`: only beyond it. `volume`: at their price,
 * as much as traded there.
 */
export type FillRule = 'touch' | 'through' | 'volume';

/** Whom takers trade with: the best quote without end, the levels of the public book, or the last price without end. */
export type Liquidity = 'best' | 'book' | 'last';

export type MatchingOptions = { readonly fill: FillRule; readonly liquidity: Liquidity };

type MatchingHost = {
  readonly rules: EngineRules;
  readonly ledger: Ledger;
  readonly orders: OrderStore;
  readonly faults: AccountFaults;
  readonly scheduler: Scheduler;
  next(): number;
  emit(event: EngineEvent): void;
  /** Prints a trade on the public side. */
  print(symbol: SymbolMarket, isBuy: boolean, price: Decimal, amount: Decimal): void;
};

/** Price-time matching of the accounts' orders among themselves and with the public market. */
export class Matching {
  readonly #host: MatchingHost;
  readonly #options: MatchingOptions;
  /** Orders whose fills follow a script, and those that had theirs. */
  readonly #scripted = new Set<string>();
  readonly #played = new Set<string>();
  readonly fills: Fill[] = [];

  constructor(host: MatchingHost, options: MatchingOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** A new order meets the book: it trades, rests or is cancelled. */
  enter(id: string): void {
    const order = this.#host.orders.get(id);
    if (!order || !isOpen(order)) return;
    if (order.status === 'pending') this.update(order, { status: 'new' });
    const crosses = this.#best(order) !== undefined;
    if (order.force === 'post_only' && crosses) {
      this.end(id, 'cancelled', 'post-only');
      return;
    }
    if (order.force === 'fok' && !crosses) {
      this.end(id, 'cancelled', 'not-in-full');
      return;
    }
    this.#take(id);
    if (!this.#scripted.has(id)) this.#endRest(id);
  }

  /** Ends an order that is open. */
  end(id: string, status: 'cancelled' | 'rejected', reason: string): void {
    const order = this.#host.orders.get(id);
    if (!order || !isOpen(order)) return;
    this.#scripted.delete(id);
    this.update(order, { status, reason });
  }

  /** Puts the next version of an order and reports it. */
  update(order: Order, change: Partial<Order>, fill?: Fill): Order {
    const next = { ...order, ...change, updated: this.#host.scheduler.now() };
    this.#host.orders.put(next);
    this.#host.emit({ kind: 'order', order: next, fill });
    const position = this.#host.ledger.position(order.account, order.symbol, order.slot);
    if (!fill && position) this.#host.emit({ kind: 'position', position, isByOrder: true });
    return next;
  }

  /** A public trade: resting orders that it reaches fill, best price first, then the older. */
  traded(symbol: SymbolMarket, price: Decimal, amount: Decimal): void {
    let left = this.#options.fill === 'volume' ? amount : undefined;
    for (const order of this.#resting(symbol)) {
      const reaches = order.side === 'buy' ? price.lte(order.price) : price.gte(order.price);
      if (!reaches || (this.#options.fill === 'through' && price.eq(order.price))) continue;
      const part = left ? Decimal.min(left, remaining(order)) : remaining(order);
      if (part.lte(0)) return;
      left = left?.minus(part);
      this.#execute(order.id, order.price, part, true);
    }
  }

  /** The public book has moved: resting orders that its other side reaches fill, and the fills are printed. */
  quoted(symbol: SymbolMarket): void {
    if (this.#options.fill !== 'touch' || this.#options.liquidity === 'last') return;
    for (const order of this.#resting(symbol)) {
      const quote = this.#quote(symbol, order.side);
      if (!quote || !(order.side === 'buy' ? quote.lte(order.price) : quote.gte(order.price))) continue;
      this.#execute(order.id, order.price, remaining(order), true, true);
    }
  }

  /** Fills an order whatever the market says: forced orders, races. */
  force(id: string, price: Decimal, amount: Decimal): void {
    this.#fill(id, price, amount, false);
  }

  #resting(symbol: SymbolMarket): Order[] {
    const open = this.#host.orders
      .open()
      .filter((order) => order.symbol === symbol && order.kind === 'limit' && order.status !== 'pending');
    return open.sort(
      (a, b) =>
        (a.side === b.side ? (a.side === 'buy' ? b.price.cmp(a.price) : a.price.cmp(b.price)) : 0) || a.sequence - b.sequence,
    );
  }

  /** Returns the price at which the public side trades with an order of that side. */
  #quote(symbol: SymbolMarket, side: Order['side']): Decimal | undefined {
    const { listing, book } = symbol;
    if (this.#options.liquidity === 'last') return priceOf(symbol.quote(this.#host.scheduler.now()).last, listing);
    const best = (side === 'buy' ? book.asks : book.bids)[0];
    return best && priceOf(best[0], listing);
  }

  /** Returns the best counter offer that an order may take: another's resting order, else the public side. */
  #best(order: Order): { price: Decimal; resting?: Order } | undefined {
    const isBuy = order.side === 'buy';
    const reaches = (price: Decimal): boolean =>
      order.kind === 'market' || (isBuy ? price.lte(order.price) : price.gte(order.price));
    const resting = this.#resting(order.symbol).find((other) => other.side !== order.side && other.account !== order.account);
    const quote = this.#quote(order.symbol, order.side);
    const isOthers = resting && (!quote || (isBuy ? resting.price.lte(quote) : resting.price.gte(quote)));
    const best = isOthers ? { price: resting.price, resting } : quote && { price: quote };
    return best && reaches(best.price) ? best : undefined;
  }

  #take(id: string): void {
    for (;;) {
      const order = this.#host.orders.get(id) as Order;
      const best = isOpen(order) && !this.#scripted.has(id) ? this.#best(order) : undefined;
      if (!best) return;
      if (best.resting) {
        const amount = Decimal.min(remaining(order), remaining(best.resting));
        this.#host.print(order.symbol, order.side === 'buy', best.price, amount);
        this.#fill(best.resting.id, best.price, amount, true);
        this.#fill(id, best.price, amount, false);
        continue;
      }
      const before = this.fills.length;
      this.#takePublic(order, best.price);
      // What a script leaves of an order rests, even where the market would take it.
      if (this.fills.length === before || this.#played.has(id)) return;
    }
  }

  #takePublic(order: Order, best: Decimal): void {
    const { symbol, side } = order;
    if (this.#options.liquidity !== 'book') {
      this.#execute(order.id, best, remaining(order), false, true);
      return;
    }
    const { listing, book } = symbol;
    const [price, size] = (side === 'buy' ? book.asks : book.bids)[0] as readonly [number, number];
    const amount = Decimal.min(amountOf(size, listing), remaining(order));
    if ((side === 'buy' ? book.asks : book.bids).length < 2) return;
    book.take(side === 'buy', amount.mul(10 ** listing.sizeDecimals).toNumber());
    this.#execute(order.id, priceOf(price, listing), amount, false, true);
  }

  /** Fills at once, or in the parts of a script. */
  #execute(id: string, price: Decimal, amount: Decimal, isMaker: boolean, prints = false): void {
    if (this.#scripted.has(id)) return;
    const order = this.#host.orders.get(id) as Order;
    const script = this.#played.has(id) ? undefined : this.#host.faults.fills.find(({ match }) => match(order));
    const fill = (part: Decimal): void => {
      const filled = this.#fill(id, price, part, isMaker);
      if (prints && filled.gt(0)) this.#host.print(order.symbol, (order.side === 'buy') !== isMaker, price, filled);
    };
    if (!script) {
      fill(amount);
      return;
    }
    this.#scripted.add(id);
    this.#played.add(id);
    this.#play(id, scriptedParts(script.parts, amount, this.#host.rules.termsOf(order.symbol.listing).lot), script.every, fill);
  }

  #play(id: string, parts: readonly Decimal[], every: number, fill: (part: Decimal) => void): void {
    const [part, ...rest] = parts;
    if (part) fill(part);
    const order = this.#host.orders.get(id) as Order;
    if (rest.length > 0 && isOpen(order)) this.#host.scheduler.after(Math.max(1, every), () => this.#play(id, rest, every, fill));
    else if (this.#scripted.delete(id)) this.#endRest(id);
  }

  /** What may not rest is cancelled. */
  #endRest(id: string): void {
    const { kind, force, filled } = this.#host.orders.get(id) as Order;
    if (kind === 'market' || force === 'ioc' || force === 'fok')
      this.end(id, 'cancelled', filled.isZero() ? 'no-liquidity' : 'not-in-full');
  }

  /** Executes, as far as the order is open and, if it only reduces, as far as there is a position. */
  #fill(id: string, price: Decimal, wanted: Decimal, isMaker: boolean): Decimal {
    const { orders, ledger, scheduler, emit } = this.#host;
    const order = orders.get(id) as Order;
    if (!isOpen(order)) return ZERO;
    const { account, symbol, slot } = order;
    const held = ledger.position(account, symbol, slot)?.amount ?? ZERO;
    const amount = Decimal.min(wanted, remaining(order), order.reduceOnly ? held : wanted);
    if (amount.lte(0)) {
      this.end(id, 'cancelled', 'reduce-only');
      return ZERO;
    }
    const value = price.mul(amount);
    const fee = isForced(order) ? ZERO : value.mul(isMaker ? account.makerFee : account.takerFee);
    const { position, realised, closed } = ledger.apply(order, price, amount, fee);
    const coin = symbol.listing.settle;
    const { feeCoin = coin } = account;
    const net = feeCoin === coin ? realised.minus(fee) : realised;
    ledger.book(account, { coin, kind: 'trade', symbol: symbol.listing.symbol, amount: net });
    const sequence = this.#host.next();
    const time = scheduler.now();
    const id_ = this.#host.rules.tradeId(sequence);
    const filled = order.filled.plus(amount);
    const next: Partial<Order> = {
      filled,
      value: order.value.plus(value),
      fee: order.fee.plus(fee),
      realised: order.realised.plus(realised),
      status: filled.eq(order.amount) ? 'filled' : 'partial',
    };
    const fill: Fill = {
      id: id_,
      order: { ...order, ...next, updated: time },
      account,
      symbol,
      kind: 'trade',
      price,
      amount,
      value,
      fee,
      feeCoin,
      isMaker,
      realised,
      closed,
      time,
      sequence,
    };
    this.fills.push(fill);
    this.update(order, next, fill);
    emit({ kind: 'fill', fill });
    emit({ kind: 'position', position, isByOrder: false });
    emit({ kind: 'account', account });
    this.#dropExcess(position);
    return amount;
  }

  /** A position that shrinks leaves reduce-only orders without something to reduce. */
  #dropExcess(position: Position): void {
    const { account, symbol, slot, side } = position;
    const closing = this.#host.orders
      .openOf(account, symbol.key)
      .filter(
        (order) =>
          order.reduceOnly &&
          order.slot === slot &&
          (position.amount.isZero() || order.side === (side === 'long' ? 'sell' : 'buy')),
      );
    let open = sum(closing.map(remaining));
    const ordered = this.#host.rules.reduceOnlyExcess === 'stays' ? closing.reverse() : closing;
    for (const order of ordered) {
      if (open.lte(position.amount) || this.#scripted.has(order.id)) continue;
      // Several reduce-only orders may exceed the position together; alone none may.
      if (this.#host.rules.reduceOnlyExcess === 'stays' && remaining(order).lte(position.amount)) continue;
      open = open.minus(remaining(order));
      this.end(order.id, 'cancelled', 'reduce-only');
    }
  }
}

function isForced({ cause }: Order): boolean {
  return cause === 'liquidation' || cause === 'adl' || cause === 'settlement';
}

/** Returns the amounts of a script; its last part takes what rounding left if the shares make up the whole. */
function scriptedParts(shares: readonly number[], amount: Decimal, lot: Decimal): Decimal[] {
  const isWhole = Math.abs(shares.reduce((total, share) => total + share, 0) - 1) < 1e-9;
  const parts = shares.map((share) => amount.mul(share).div(lot).floor().mul(lot));
  if (isWhole && parts.length > 0) parts[parts.length - 1] = amount.minus(sum(parts.slice(0, -1)));
  return parts.filter((part) => part.gt(0));
}
