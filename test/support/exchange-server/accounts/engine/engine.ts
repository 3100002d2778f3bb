import type { MarketEvent, SyntheticMarket } from '../../market/market.js';
import { fundingRate, nextFunding } from '../../market/reference.js';
import type { SymbolMarket } from '../../market/symbol-market.js';
import { Admission, type Admitted, type PlaceRequest } from './admission.js';
import { Decimal, floorTo, sum, ZERO } from './decimals.js';
import { AccountFaults } from './faults.js';
import { Ledger } from './ledger.js';
import { Matching, type MatchingOptions } from './matching.js';
import {
  type Account,
  type Cause,
  type EngineEvent,
  type Fill,
  isOpen,
  type Order,
  type Position,
  Refusal,
  remaining,
} from './model.js';
import { OrderStore } from './order-store.js';
import type { EngineRules } from './rules.js';
import { Scheduler } from './scheduler.js';
import { amountOf, priceOf } from './terms.js';

export type EngineOptions = MatchingOptions & {
  /** Milliseconds from the acceptance of an order, or of its cancel, to its effect in the book. */
  readonly latency: number;
  /** Positions pay or receive funding when it is due. */
  readonly paysFunding: boolean;
};

type Placed = { readonly id: string; readonly clientId: string; readonly hasCancelled: boolean };

/** The private side of an exchange, protocols aside: orders, matching, positions, balances. */
export class Engine {
  readonly faults = new AccountFaults();
  readonly orders = new OrderStore();
  readonly scheduler: Scheduler;
  readonly ledger: Ledger;
  readonly market: SyntheticMarket;
  readonly rules: EngineRules;
  onEvent: (event: EngineEvent) => void = () => {};
  readonly #admission: Admission;
  readonly #matching: Matching;
  readonly #options: EngineOptions;
  #sequence = 0;
  #isPrinting = false;
  #funded: number;
  #watched = Number.NEGATIVE_INFINITY;

  constructor(rules: EngineRules, market: SyntheticMarket, clock: () => number, options: EngineOptions) {
    this.rules = rules;
    this.market = market;
    this.#options = options;
    this.scheduler = new Scheduler(clock);
    this.#funded = clock();
    const now = (): number => this.now();
    const next = (): number => this.next();
    this.ledger = new Ledger(rules.termsOf, now, next);
    this.#admission = new Admission(rules, this.ledger, this.orders, this.faults, now);
    const print = (symbol: SymbolMarket, isBuy: boolean, price: Decimal, amount: Decimal): void =>
      this.#print(symbol, isBuy, price, amount);
    const emit = (event: EngineEvent): void => this.onEvent(event);
    this.#matching = new Matching(
      { rules, ledger: this.ledger, orders: this.orders, faults: this.faults, scheduler: this.scheduler, next, emit, print },
      options,
    );
  }

  /** Exchange time, ms. */
  now(): number {
    return this.scheduler.now();
  }

  /** Returns the next number in the order of everything that happens. */
  next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  /** Every execution, oldest first, funding included. */
  get fills(): readonly Fill[] {
    return this.#matching.fills;
  }

  /** Places an order; throws a `Refusal`. With `isDry` it is only checked: an id is answered and nothing ever happens. */
  place(request: PlaceRequest, isDry = false): Placed {
    const admitted = this.#admission.admit(request);
    const most = this.rules.termsOf(request.symbol.listing)[request.kind === 'market' ? 'maxMarket' : 'maxLimit'];
    const ids: string[] = [];
    const clientId = request.clientId ?? this.rules.clientId(this.#sequence + 1);
    for (let left = admitted.amount; left.gt(0); left = left.minus(most)) {
      const order = this.#orderOf(request, { ...admitted, amount: Decimal.min(left, most) }, clientId);
      ids.push(order.id);
      if (!isDry) this.orders.put(order);
    }
    if (!isDry) this.#enter(admitted, ids);
    return { id: ids[0] as string, clientId, hasCancelled: admitted.cancelled.length > 0 };
  }

  #enter({ cancelled }: Admitted, ids: readonly string[]): void {
    for (const { id } of cancelled) this.#matching.end(id, 'cancelled', 'reduce-only');
    this.scheduler.after(this.#options.latency, () => {
      for (const id of ids) this.#matching.enter(id);
    });
  }

  #orderOf(request: PlaceRequest, { amount, price, marginMode, leverage }: Admitted, clientId: string): Order {
    const sequence = this.next();
    const { account, symbol, side, slot, kind, force, reduceOnly } = request;
    const now = this.now();
    return {
      id: this.rules.orderId(sequence),
      clientId,
      account,
      symbol,
      side,
      slot,
      kind,
      force: kind === 'market' ? 'ioc' : force,
      price,
      amount,
      reduceOnly,
      marginMode,
      leverage,
      cause: request.cause ?? 'api',
      created: now,
      updated: now,
      status: 'pending',
      filled: ZERO,
      value: ZERO,
      fee: ZERO,
      realised: ZERO,
      reason: '',
      sequence,
      request: request.request ?? 0,
    };
  }

  /** Asks for a cancel; throws a `Refusal` where the order is not there or has ended. */
  cancel(order: Order, reason = 'user'): void {
    const share = this.faults.takeCancelRace(order);
    if (share !== undefined) this.fill(order, share);
    const current = this.orders.get(order.id) as Order;
    if (!isOpen(current)) throw new Refusal('finished', `the order is ${current.status}`);
    this.scheduler.after(this.#options.latency, () => this.#matching.end(order.id, 'cancelled', reason));
  }

  /** Changes amount (in all) or price of an open order, which loses its place in the queue. */
  amend(order: Order, change: { amount?: Decimal | undefined; price?: Decimal | undefined }): void {
    const current = this.orders.get(order.id) as Order;
    if (!isOpen(current)) throw new Refusal('finished', `the order is ${current.status}`);
    const amount = change.amount ?? current.amount;
    if (amount.lte(current.filled)) throw new Refusal('parameter', 'the amount is not above what has filled');
    this.#matching.update(current, { amount, price: change.price ?? current.price });
    this.scheduler.after(this.#options.latency, () => this.#matching.enter(order.id));
  }

  /** Sets the leverage of a symbol's sides, and of what is held there. Returns false where nothing changes. */
  setLeverage(
    account: Account,
    symbol: SymbolMarket,
    leverage: { long: Decimal | undefined; short: Decimal | undefined },
    isDry = false,
  ): boolean {
    const most = this.rules.termsOf(symbol.listing).tiers[0]?.maxLeverage ?? ZERO;
    if (leverage.long?.gt(most) || leverage.short?.gt(most)) throw new Refusal('leverage-high', 'above the first tier');
    const settings = this.ledger.settings(account, symbol);
    const [long, short] = [leverage.long ?? settings.longLeverage, leverage.short ?? settings.shortLeverage];
    if (long.eq(settings.longLeverage) && short.eq(settings.shortLeverage)) return false;
    if (isDry) return true;
    Object.assign(settings, { longLeverage: long, shortLeverage: short });
    for (const position of this.ledger.openOf(account).filter((one) => one.symbol === symbol)) {
      const now = position.side === 'long' ? long : short;
      const margin = position.amount.mul(position.average).div(now);
      this.onEvent({ kind: 'position', position: this.ledger.put({ ...position, leverage: now, margin }), isByOrder: true });
    }
    return true;
  }

  /** Fills a share of what is open of an order at its own price, or a market order at the mark. */
  fill(order: Order, share = 1): void {
    const current = this.orders.get(order.id) as Order;
    if (!isOpen(current)) return;
    const { lot } = this.rules.termsOf(current.symbol.listing);
    const amount = share === 1 ? remaining(current) : floorTo(remaining(current).mul(share), lot);
    this.#matching.force(current.id, current.kind === 'market' ? this.ledger.mark(current.symbol) : current.price, amount);
  }

  /** Lets happen what is due until `until`: delayed effects, funding, liquidations. */
  run(until: number): void {
    this.scheduler.run(until);
    this.#fundDue(until);
    const second = Math.floor(until / 1_000);
    if (second === this.#watched) return;
    this.#watched = second;
    for (const position of this.ledger.open()) this.#watch(position);
  }

  /** The public market moved. */
  observe(event: MarketEvent, at: number): void {
    if (this.#isPrinting) return;
    this.scheduler.run(at);
    this.scheduler.at(at, () => {
      const { symbol } = event;
      if (event.kind === 'trade')
        for (const { price, size } of event.fills)
          this.#matching.traded(symbol, priceOf(price, symbol.listing), amountOf(size, symbol.listing));
      else if (event.kind === 'book') this.#matching.quoted(symbol);
      for (const position of this.ledger.open()) if (position.symbol === symbol) this.#watch(position);
    });
  }

  /** Every position of a symbol pays `rate` of its value (longs pay when positive), as at a funding time. */
  fund(symbol: SymbolMarket, rate: Decimal): void {
    for (const position of this.ledger.open().filter((one) => one.symbol === symbol)) {
      const { account, amount, side } = position;
      const mark = this.ledger.mark(symbol);
      const value = mark.mul(amount);
      const paid = value.mul(rate).mul(side === 'long' ? 1 : -1);
      this.ledger.book(account, {
        coin: symbol.listing.settle,
        kind: 'funding',
        symbol: symbol.listing.symbol,
        amount: paid.neg(),
      });
      const after = this.ledger.put({ ...position, funding: position.funding.minus(paid) });
      const sequence = this.next();
      const order = this.#forced(position, 'settlement', amount);
      const id = this.rules.tradeId(sequence);
      const fill: Fill = {
        id,
        order,
        account,
        symbol,
        kind: 'funding',
        price: mark,
        amount,
        value,
        fee: paid,
        feeCoin: symbol.listing.settle,
        isMaker: false,
        realised: ZERO,
        closed: ZERO,
        time: this.now(),
        sequence,
      };
      this.#matching.fills.push(fill);
      this.onEvent({ kind: 'fill', fill });
      this.onEvent({ kind: 'position', position: after, isByOrder: false });
      this.onEvent({ kind: 'account', account });
    }
  }

  /** Closes `amount` of a position against the owner's will, or the owner's stop: at `price`. */
  close(position: Position, cause: Exclude<Cause, 'api'>, price: Decimal, amount: Decimal = position.amount): void {
    const { account, symbol } = position;
    if (cause !== 'stop' && cause !== 'site')
      for (const { id, slot } of this.orders.openOf(account, symbol.key))
        if (slot === position.slot) this.#matching.end(id, 'cancelled', cause);
    const order = { ...this.#forced(position, cause, amount), ...(cause === 'stop' && stopIds(position)) };
    this.orders.put(order);
    this.#matching.update(order, { status: 'new' });
    this.#matching.force(order.id, price, amount);
  }

  /** Deleverages: part of a position is closed at the mark by the exchange. */
  deleverage(position: Position, amount: Decimal): void {
    const price = this.ledger.mark(position.symbol);
    this.close(position, 'adl', price, amount);
    this.onEvent({ kind: 'adl', position, amount, price });
  }

  /** Liquidates a position now, at its bankruptcy price where its margin is its own. */
  liquidate(position: Position): void {
    const { margin, amount, average, side, marginMode, symbol } = position;
    const loss = margin.div(amount).mul(side === 'long' ? -1 : 1);
    this.close(position, 'liquidation', marginMode === 'isolated' ? average.plus(loss) : this.ledger.mark(symbol));
    const { account } = position;
    const coin = symbol.listing.settle;
    const balance = this.ledger.balance(account, coin);
    if (balance.lt(0)) this.ledger.book(account, { coin, kind: 'trade', symbol: symbol.listing.symbol, amount: balance.neg() });
    this.onEvent({ kind: 'account', account });
  }

  /** Returns the margin that an account's open orders hold in a coin. */
  orderMargin(account: Account, coin: string): Decimal {
    const orders = this.orders.openOf(account).filter(({ symbol }) => symbol.listing.settle === coin);
    return sum(orders.map((order) => this.ledger.orderMargin(order)));
  }

  #forced(position: Position, cause: Cause, amount: Decimal): Order {
    const { account, symbol, slot, side, marginMode, leverage } = position;
    const request: PlaceRequest = {
      account,
      symbol,
      slot,
      side: side === 'long' ? 'sell' : 'buy',
      kind: 'market',
      force: 'ioc',
      price: undefined,
      amount,
      reduceOnly: true,
      clientId: undefined,
      cause,
    };
    return this.#orderOf(request, { amount, price: ZERO, marginMode, leverage, cancelled: [] }, '');
  }

  #watch(position: Position): void {
    const { account, symbol, slot, side, stopLoss, takeProfit } = position;
    if (this.ledger.position(account, symbol, slot) !== position) return;
    if (this.ledger.isLiquidated(position)) {
      this.liquidate(position);
      return;
    }
    const mark = this.ledger.mark(symbol);
    const isBelow = (price: Decimal): boolean => price.gt(0) && mark.lte(price);
    const isAbove = (price: Decimal): boolean => price.gt(0) && mark.gte(price);
    const isDue = side === 'long' ? isBelow(stopLoss) || isAbove(takeProfit) : isAbove(stopLoss) || isBelow(takeProfit);
    if (isDue) this.close(position, 'stop', mark);
  }

  /** Sets the stop of a position, at the size that it will have; zero takes it away. */
  setStop(position: Position, price: Decimal, clientId = ''): string {
    const stopId = price.isZero() ? '' : this.rules.orderId(this.next());
    const next = this.ledger.put({ ...position, stopLoss: price, stopId, stopClientId: clientId });
    this.onEvent({ kind: 'position', position: next, isByOrder: true });
    return stopId;
  }

  #fundDue(until: number): void {
    if (this.#options.paysFunding) {
      for (const symbol of new Set(this.ledger.open().map((position) => position.symbol))) {
        const due = nextFunding(symbol.listing, this.#funded);
        if (due > until) continue;
        const rate = new Decimal(fundingRate(symbol.listing, due)).div(1_000_000);
        this.scheduler.at(due, () => this.fund(symbol, rate));
      }
    }
    this.#funded = until;
  }

  #print(symbol: SymbolMarket, isBuy: boolean, price: Decimal, amount: Decimal): void {
    const { priceDecimals, sizeDecimals } = symbol.listing;
    this.#isPrinting = true;
    try {
      this.market.trade(symbol, this.now(), {
        isBuy,
        price: price.mul(10 ** priceDecimals).toNumber(),
        size: amount.mul(10 ** sizeDecimals).toNumber(),
      });
    } finally {
      this.#isPrinting = false;
    }
  }
}

/** A stop keeps its ids when it is triggered. */
function stopIds({ stopId, stopClientId }: Position): { id: string; clientId: string } | undefined {
  return stopId === '' ? undefined : { id: stopId, clientId: stopClientId };
}
