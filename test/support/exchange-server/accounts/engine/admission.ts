import type { SymbolMarket } from '../../market/symbol-market.js';
import { Decimal, floorTo, isMultiple, sum, ZERO } from './decimals.js';
import type { AccountFaults } from './faults.js';
import type { Ledger } from './ledger.js';
import { type Account, type Cause, type MarginMode, type Order, Refusal, remaining, type Side, type Slot } from './model.js';
import type { OrderStore } from './order-store.js';
import type { EngineRules } from './rules.js';
import { type Terms, tierOf } from './terms.js';

/** An order as a client asks for it, its words already the engine's. A close in hedge mode is reduce-only. */
export type PlaceRequest = {
  readonly account: Account;
  readonly symbol: SymbolMarket;
  readonly side: Side;
  readonly slot: Slot;
  readonly kind: 'limit' | 'market';
  readonly force: Order['force'];
  readonly price: Decimal | undefined;
  readonly amount: Decimal;
  readonly reduceOnly: boolean;
  readonly clientId: string | undefined;
  readonly marginMode?: MarginMode | undefined;
  readonly cause?: Cause;
  readonly request?: number;
};

/** What may be placed: the order's final numbers, and which older orders must go first. */
export type Admitted = {
  readonly amount: Decimal;
  readonly price: Decimal;
  readonly marginMode: MarginMode;
  readonly leverage: Decimal;
  readonly cancelled: readonly Order[];
};

/** Decides whether an order may be placed. Throws a `Refusal`; changes nothing. */
export class Admission {
  readonly #rules: EngineRules;
  readonly #ledger: Ledger;
  readonly #orders: OrderStore;
  readonly #faults: AccountFaults;
  readonly #now: () => number;

  constructor(rules: EngineRules, ledger: Ledger, orders: OrderStore, faults: AccountFaults, now: () => number) {
    this.#rules = rules;
    this.#ledger = ledger;
    this.#orders = orders;
    this.#faults = faults;
    this.#now = now;
  }

  admit(request: PlaceRequest): Admitted {
    const { account, symbol } = request;
    if (symbol.listing.status !== 'trading') throw new Refusal('symbol-closed', 'the symbol is not trading');
    const terms = this.#rules.termsOf(symbol.listing);
    this.#checkClientId(request);
    this.#checkMode(request);
    const price = this.#price(request, terms);
    const { amount, cancelled } = this.#amount(request, terms);
    this.#checkAmount({ ...request, amount }, price, terms);
    this.#checkCount(account, symbol.key, cancelled);
    const settings = this.#ledger.settings(account, symbol);
    const isLong = request.slot === 'net' ? request.side === 'buy' : request.slot === 'long';
    const leverage = isLong ? settings.longLeverage : settings.shortLeverage;
    const asked = this.#faults.questions.ignoresOrderMarginMode ? undefined : request.marginMode;
    const marginMode = asked ?? this.#ledger.marginModeOf(account, symbol);
    this.#checkFunds(request, amount, price, leverage, terms);
    return { amount, price, marginMode, leverage, cancelled };
  }

  #checkClientId({ account, clientId }: PlaceRequest): void {
    if (clientId === undefined) return;
    if (!this.#rules.clientIdForm.test(clientId)) throw new Refusal('client-id', 'the client id has a wrong form');
    const taken =
      this.#rules.clientIdsAreUnique === 'always' ? this.#takenEver(account, clientId) : this.#takenNow(account, clientId);
    if (taken && !this.#faults.questions.acceptsRepeatedIds) throw new Refusal('duplicate-client-id', 'the client id is taken');
  }

  #takenNow(account: Account, clientId: string): boolean {
    return this.#orders.openOf(account).some((order) => order.clientId === clientId);
  }

  #takenEver(account: Account, clientId: string): boolean {
    const since = this.#now() - this.#faults.questions.clientIdTaken;
    return (
      this.#takenNow(account, clientId) ||
      this.#orders.all().some((order) => order.account === account && order.clientId === clientId && order.updated >= since)
    );
  }

  #checkMode({ account, symbol, slot }: PlaceRequest): void {
    const isHedge = this.#ledger.holdModeOf(account, symbol) === 'hedge';
    if (isHedge === (slot === 'net')) throw new Refusal('hold-mode', 'the order does not fit the position mode');
  }

  #price({ account, symbol, side, kind, price }: PlaceRequest, { tick }: Terms): Decimal {
    if (kind === 'market') return ZERO;
    if (!price || price.isZero()) throw new Refusal('price-missing', 'a limit order needs a price');
    if (!isMultiple(price, tick)) throw new Refusal('price-step', 'the price is not a multiple of the tick');
    const mark = this.#ledger.mark(symbol);
    const { band, movesIntoBand } = this.#rules;
    const near = floorTo(mark.mul(side === 'buy' ? band.plus(1) : new Decimal(1).minus(band)), tick);
    const { farBand } = this.#faults.questions;
    if (farBand !== undefined && (side === 'buy' ? price.lt(mark.mul(1 - farBand)) : price.gt(mark.mul(1 + farBand))))
      throw new Refusal('price-band', 'the price is out of the band');
    if (side === 'buy' ? price.lte(near) : price.gte(near)) return price;
    if (!movesIntoBand || account.refusesOutOfBand) throw new Refusal('price-band', 'the price is out of the band');
    return near;
  }

  /** Returns the amount after reduce-only rules, and the older orders that must make room. */
  #amount(request: PlaceRequest, terms: Terms): { amount: Decimal; cancelled: readonly Order[] } {
    if (!request.reduceOnly) return { amount: request.amount, cancelled: [] };
    const { account, symbol, slot, side } = request;
    const held = this.#ledger.position(account, symbol, slot);
    if (!held || held.amount.isZero()) throw new Refusal('nothing-to-close', 'there is no position to close');
    if ((held.side === 'long') === (side === 'buy')) throw new Refusal('would-add', 'a reduce-only order may not add');
    const closing = this.#orders
      .openOf(account, symbol.key)
      .filter((order) => order.reduceOnly && order.slot === slot && order.side === side);
    if (slot !== 'net' && this.#rules.closesOccupy) return this.#occupying(request, held.amount, closing);
    const amount = Decimal.min(request.amount, floorTo(held.amount, terms.lot));
    if (this.#rules.reduceOnlyExcess === 'stays') return { amount, cancelled: [] };
    return { amount, cancelled: olderThan(closing, held.amount.minus(amount)) };
  }

  #occupying(
    { kind, amount }: PlaceRequest,
    held: Decimal,
    closing: readonly Order[],
  ): { amount: Decimal; cancelled: readonly Order[] } {
    if (kind === 'market') return { amount: Decimal.min(amount, held), cancelled: closing };
    const free = held.minus(sum(closing.map(remaining)));
    if (amount.gt(free)) throw new Refusal('not-closable', `closable are ${free.toFixed()}`);
    return { amount, cancelled: [] };
  }

  #checkAmount({ symbol, amount, kind, reduceOnly }: PlaceRequest, price: Decimal, terms: Terms): void {
    if (amount.isZero() || amount.lt(terms.minAmount)) throw new Refusal('amount-small', 'the amount is below the minimum');
    if (!isMultiple(amount, terms.lot)) throw new Refusal('amount-step', 'the amount is not a multiple of the step');
    const most = kind === 'market' ? terms.maxMarket : terms.maxLimit;
    if (amount.gt(most) && !(reduceOnly && this.#rules.splitsLargeCloses))
      throw new Refusal('amount-large', 'the amount is above the maximum');
    const value = amount.mul(kind === 'market' ? this.#ledger.mark(symbol) : price);
    const isExempt = reduceOnly && this.#faults.questions.closesExemptFromMinimum;
    if (value.lt(terms.minValue) && !isExempt) throw new Refusal('notional', 'the order value is below the minimum');
  }

  #checkCount(account: Account, symbol: string, cancelled: readonly Order[]): void {
    const { count, isPerSymbol } = this.#rules.mostOrders;
    const open = this.#orders.openOf(account, isPerSymbol ? symbol : undefined).length - cancelled.length;
    if (open >= count) throw new Refusal('too-many-orders', `more than ${count} open orders`);
  }

  /** What opens needs margin and the taker fee. */
  #checkFunds(
    { account, symbol, slot, side, kind, reduceOnly }: PlaceRequest,
    amount: Decimal,
    price: Decimal,
    leverage: Decimal,
    terms: Terms,
  ): void {
    if (reduceOnly) return;
    const held = this.#ledger.position(account, symbol, slot);
    const opposite = held && (held.side === 'long') !== (side === 'buy') ? held.amount : ZERO;
    const opening = Decimal.max(ZERO, amount.minus(opposite));
    const value = opening.mul(kind === 'market' ? this.#ledger.mark(symbol) : price);
    if (leverage.gt(tierOf(terms, value).maxLeverage))
      throw new Refusal('leverage-high', 'the leverage is too high for this value');
    const needed = value.div(leverage).plus(value.mul(account.takerFee));
    const coin = symbol.listing.settle;
    const available = this.#ledger.available(account, coin, this.#orders.openOf(account));
    if (needed.gt(available))
      throw new Refusal('balance', `needs ${needed.toFixed(4)} ${coin}, available ${available.toFixed(4)}`);
  }
}

/** Returns the orders to cancel, oldest first, until the rest needs no more than `room`. */
function olderThan(orders: readonly Order[], room: Decimal): Order[] {
  let open = sum(orders.map(remaining));
  const cancelled: Order[] = [];
  for (const order of orders) {
    if (open.lte(room)) break;
    cancelled.push(order);
    open = open.minus(remaining(order));
  }
  return cancelled;
}
