import { markPrice } from '../../market/reference.js';
import type { SymbolMarket } from '../../market/symbol-market.js';
import { Decimal, sum, ZERO } from './decimals.js';
import type { Account, Bill, Order, Position, Slot, SymbolSettings } from './model.js';
import { remaining } from './model.js';
import { maintenance, priceOf, type TermsOf, tierOf } from './terms.js';

/** What one execution did to a position. */
type Applied = {
  readonly position: Position;
  readonly realised: Decimal;
  readonly closed: Decimal;
};

const DEFAULT_LEVERAGE = new Decimal(10);

/** Balances, positions and margin of all accounts. Positions are kept as versions, newest last. */
export class Ledger {
  readonly #positions = new Map<string, Position[]>();
  readonly #termsOf: TermsOf;
  readonly #now: () => number;
  readonly #next: () => number;

  constructor(termsOf: TermsOf, now: () => number, next: () => number) {
    this.#termsOf = termsOf;
    this.#now = now;
    this.#next = next;
  }

  /** Returns the settings of a symbol; made where there are none yet. */
  settings(account: Account, { key }: SymbolMarket): SymbolSettings {
    const found = account.settings.get(key);
    if (found) return found;
    const made: SymbolSettings = {
      marginMode: undefined,
      holdMode: undefined,
      longLeverage: DEFAULT_LEVERAGE,
      shortLeverage: DEFAULT_LEVERAGE,
    };
    account.settings.set(key, made);
    return made;
  }

  marginModeOf(account: Account, symbol: SymbolMarket): Position['marginMode'] {
    return this.settings(account, symbol).marginMode ?? account.marginMode;
  }

  holdModeOf(account: Account, symbol: SymbolMarket): Account['holdMode'] {
    return this.settings(account, symbol).holdMode ?? account.holdMode;
  }

  mark({ listing }: SymbolMarket): Decimal {
    return priceOf(markPrice(listing, this.#now()), listing);
  }

  /** Returns the position of a slot, undefined where there never was one. */
  position(account: Account, symbol: SymbolMarket, slot: Slot): Position | undefined {
    return this.#positions.get(keyOf(account, symbol, slot))?.at(-1);
  }

  /** Returns an account's positions as they were at `time`, flat ones included. */
  positionsAt(account: Account, time: number): Position[] {
    const found: Position[] = [];
    for (const versions of this.#positions.values()) {
      if (versions[0]?.account !== account) continue;
      const version = versions.findLast(({ updated }) => updated <= time);
      if (version) found.push(version);
    }
    return found;
  }

  /** Returns every version of every position, in the order of their sequence numbers. */
  history(): Position[] {
    return [...this.#positions.values()].flat().sort((a, b) => a.sequence - b.sequence);
  }

  /** Returns the open positions of all accounts. */
  open(): Position[] {
    return [...this.#positions.values()].map((versions) => versions.at(-1) as Position).filter(({ amount }) => amount.gt(0));
  }

  openOf(account: Account): Position[] {
    return this.open().filter((position) => position.account === account);
  }

  put(position: Position): Position {
    const next = { ...position, updated: this.#now(), sequence: this.#next() };
    const key = keyOf(position.account, position.symbol, position.slot);
    const versions = this.#positions.get(key);
    if (versions) versions.push(next);
    else this.#positions.set(key, [next]);
    return next;
  }

  balance(account: Account, coin: string): Decimal {
    return account.balances.get(coin) ?? ZERO;
  }

  /** Returns the balances of an account as they were at `time`. */
  balancesAt(account: Account, time: number): Map<string, Decimal> {
    const found = new Map<string, Decimal>();
    for (const bill of account.bills) if (bill.time <= time) found.set(bill.coin, bill.balance);
    return found;
  }

  /** Books an amount, which may be negative. */
  book(account: Account, bill: Omit<Bill, 'id' | 'time' | 'balance'>): void {
    if (bill.amount.isZero()) return;
    const balance = this.balance(account, bill.coin).plus(bill.amount);
    account.balances.set(bill.coin, balance);
    account.bills.push({ ...bill, id: `b${this.#next()}`, time: this.#now(), balance });
  }

  /** Applies an execution to the position of the order's slot; without `order.reduceOnly` a one-way position may flip. */
  apply(order: Order, price: Decimal, amount: Decimal, fee: Decimal): Applied {
    const before = this.position(order.account, order.symbol, order.slot) ?? flatPosition(order);
    const isBuy = order.side === 'buy';
    const adds = before.amount.isZero()
      ? order.slot === 'net' || (order.slot === 'long') === isBuy
      : (before.side === 'long') === isBuy;
    const closed = adds ? ZERO : Decimal.min(amount, before.amount);
    const opened = amount.minus(closed);
    const direction = before.side === 'long' ? 1 : -1;
    const realised = price.minus(before.average).mul(closed).mul(direction);
    let after = closed.gt(0) ? reduced(before, closed, realised, fee) : before;
    if (opened.gt(0))
      after = added(
        after.amount.isZero() ? { ...flatPosition(order), side: isBuy ? 'long' : 'short' } : after,
        opened,
        price,
        fee,
      );
    const position = this.put(after.created === 0 ? { ...after, created: this.#now() } : after);
    return { position, realised, closed };
  }

  unrealised({ side, amount, average, symbol }: Position): Decimal {
    return this.mark(symbol)
      .minus(average)
      .mul(amount)
      .mul(side === 'long' ? 1 : -1);
  }

  maintenanceOf(position: Position): Decimal {
    const { symbol, amount } = position;
    return amount.isZero() ? ZERO : maintenance(this.#termsOf(symbol.listing), amount.mul(this.mark(symbol)));
  }

  /** Returns the initial margin that an open order holds: only what may open counts. */
  orderMargin(order: Order): Decimal {
    const opening = Decimal.max(ZERO, remaining(order).minus(this.#closable(order)));
    const price = order.kind === 'market' ? this.mark(order.symbol) : order.price;
    return opening.mul(price).div(order.leverage);
  }

  /** Returns what an account can use for new orders in a coin. */
  available(account: Account, coin: string, open: readonly Order[]): Decimal {
    const positions = this.openOf(account).filter(({ symbol }) => symbol.listing.settle === coin);
    const orders = open.filter(({ symbol }) => symbol.listing.settle === coin);
    const crossed = positions.filter(({ marginMode }) => marginMode === 'cross').map((position) => this.unrealised(position));
    const used = sum([...positions.map(({ margin }) => margin), ...orders.map((order) => this.orderMargin(order))]);
    return Decimal.max(ZERO, this.balance(account, coin).plus(sum(crossed)).minus(used));
  }

  /** Returns the mark price at which a position is liquidated; undefined where no price above zero does. */
  liquidationPrice(position: Position): Decimal | undefined {
    const { side, amount, average, symbol } = position;
    if (amount.isZero()) return undefined;
    const { rate, deduction } = tierOf(this.#termsOf(symbol.listing), amount.mul(average));
    const direction = side === 'long' ? 1 : -1;
    const backing = this.#backing(position).plus(deduction);
    const price = average
      .mul(amount)
      .minus(backing.mul(direction))
      .div(amount.mul(new Decimal(1).minus(rate.mul(direction))));
    return price.gt(0) ? price : undefined;
  }

  isLiquidated(position: Position): boolean {
    return this.#backing(position).plus(this.unrealised(position)).lte(this.maintenanceOf(position));
  }

  /** Margin that stands behind a position: its own when isolated, else the balance less what others need. */
  #backing(position: Position): Decimal {
    if (position.marginMode === 'isolated') return position.margin;
    const { account, symbol } = position;
    const others = this.openOf(account).filter(
      (other) => other !== position && other.symbol.listing.settle === symbol.listing.settle,
    );
    const taken = others.map((other) =>
      other.marginMode === 'isolated' ? other.margin : this.maintenanceOf(other).minus(this.unrealised(other)),
    );
    return this.balance(account, symbol.listing.settle).minus(sum(taken));
  }

  #closable({ account, symbol, slot, side, reduceOnly, amount }: Order): Decimal {
    const held = this.position(account, symbol, slot);
    if (reduceOnly) return amount;
    if (!held || held.amount.isZero() || (held.side === 'long') === (side === 'buy')) return ZERO;
    return held.amount;
  }
}

/** Returns a position that was never opened. */
export function flatPosition({
  account,
  symbol,
  slot,
  marginMode,
  leverage,
}: Pick<Position, 'account' | 'symbol' | 'slot' | 'marginMode' | 'leverage'>): Position {
  return {
    account,
    symbol,
    slot,
    side: slot === 'short' ? 'short' : 'long',
    amount: ZERO,
    average: ZERO,
    marginMode,
    leverage,
    margin: ZERO,
    realised: ZERO,
    funding: ZERO,
    openFee: ZERO,
    closeFee: ZERO,
    stopLoss: ZERO,
    stopId: '',
    stopClientId: '',
    takeProfit: ZERO,
    created: 0,
    updated: 0,
    sequence: 0,
  };
}

function reduced(before: Position, closed: Decimal, realised: Decimal, fee: Decimal): Position {
  const amount = before.amount.minus(closed);
  const margin = amount.isZero() ? ZERO : before.margin.mul(amount).div(before.amount);
  const totals = { realised: before.realised.plus(realised), closeFee: before.closeFee.plus(fee) };
  if (!amount.isZero()) return { ...before, ...totals, amount, margin };
  const ended = { average: ZERO, stopLoss: ZERO, stopId: '', stopClientId: '', takeProfit: ZERO, created: 0 };
  return { ...before, ...totals, amount, margin, ...ended };
}

function added(before: Position, opened: Decimal, price: Decimal, fee: Decimal): Position {
  const amount = before.amount.plus(opened);
  const cost = before.amount.mul(before.average).plus(opened.mul(price));
  return {
    ...before,
    amount,
    average: cost.div(amount),
    margin: before.margin.plus(opened.mul(price).div(before.leverage)),
    openFee: before.openFee.plus(fee),
  };
}

function keyOf({ uid }: Account, { key }: SymbolMarket, slot: Slot): string {
  return `${uid} ${key} ${slot}`;
}
