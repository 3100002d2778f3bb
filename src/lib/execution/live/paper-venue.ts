import type { Execution } from '../../backtest/ledger.js';
import { emptyTimedValues } from '../../backtest/market-data.js';
import { Matching } from '../../backtest/matching.js';
import type { Order } from '../../backtest/orders.js';
import type { ExecutionTerms } from '../../backtest/terms.js';
import type {
  OrderIntent,
  Outcome,
  PrivateFill,
  PrivateOrder,
  PrivatePosition,
  PrivateStop,
  WriteResult,
} from '../../exchanges/private-side.js';
import type { Trade } from '../../model/records.js';
import { Exact } from '../../model/ticks.js';
import type { LookupAnswer, OrderDraft, Wire } from '../messages.js';
import { isLive } from '../orders.js';
import { positionModeOf, separateSide } from '../sides.js';
import type { OwnOrder, RunConfig, RunState } from '../state.js';
import type { Quote, StopAction, Venue, VenueListener } from './venue.js';

type PaperOptions = {
  readonly config: RunConfig;
  readonly terms: ExecutionTerms;
  /** Where the run stands: a paper desk lives in the journal of its run. */
  readonly state?: RunState | undefined;
  /** Trades of the symbol, in order. */
  readonly trades: AsyncIterable<readonly Trade[]>;
  /** Milliseconds by the clock of the feed. */
  readonly now: () => number;
  readonly rules: () => Promise<Omit<Quote, 'price'>>;
};

/** Ended orders are forgotten beyond this number. */
const MOST_ORDERS = 1_000;
const ACCEPTED: Outcome = { class: 'success', message: 'accepted' };
const GONE: Outcome = { class: 'gone', message: 'no such order' };

type PaperOrder = { readonly intent: OrderIntent; readonly order: Order; readonly orderId: string; updated: number };

/**
 * The matching of the backtest, fed by the live public stream, behind the interface of an exchange: the executor cannot see
 * the difference. It opens no private connection. A limit order fills when a trade reaches its price, as if nobody stood before it.
 */
export class PaperVenue implements Venue {
  readonly #options: PaperOptions;
  readonly #matching: Matching;
  readonly #orders = new Map<string, PaperOrder>();
  readonly #fills: PrivateFill[] = [];
  #listener: VenueListener | undefined;
  #time = 0;
  #traded = 0;
  #number = 0;
  #stop: PrivateStop | undefined;

  constructor(options: PaperOptions) {
    this.#options = options;
    const { config, terms } = options;
    const empty = { kind: 'trades', time: new Float64Array(0), price: new Float64Array(0), amount: new Float64Array(0) } as const;
    const venue = this;
    this.#matching = new Matching(
      {
        exchange: config.exchange,
        market: config.market,
        symbol: config.symbol,
        feed: { ...empty, taker: new Uint8Array(0) },
        marks: emptyTimedValues(),
        fundings: emptyTimedValues(),
        gaps: [],
        books: [],
      },
      terms,
      {
        get now() {
          return venue.#time;
        },
        filled: (fill) => this.#filled(fill),
        rejected: (order) => this.#rejected(order),
      },
    );
    if (options.state) this.#restore(options.state);
  }

  now(): number {
    return this.#options.now();
  }

  async synchronise(): Promise<undefined> {
    return undefined;
  }

  /** The last traded price, undefined before the first trade. */
  get price(): string | undefined {
    const { price } = this.#matching;
    return Number.isNaN(price) ? undefined : new Exact(price).toString();
  }

  /** Matches the orders against a trade: those that arrive before it first, as in a backtest. */
  trade({ timestamp, price, amount, side }: Pick<Trade, 'timestamp' | 'price' | 'amount' | 'side'>): void {
    this.#arrive(timestamp);
    this.#matching.begin(amount);
    if (this.#matching.desk.pendingMarketOrders > 0) this.#matching.take(price);
    this.#matching.move({ to: price, passing: false, taker: side });
    this.#matching.observe(price);
    this.#traded = timestamp;
    this.#trigger(price);
  }

  /** The stop that an exchange would hold: it closes all that is held by market, when a trade reaches its price. */
  #trigger(price: number): void {
    const { market, symbol, settle, side, marginMode } = this.#options.config;
    const { amount } = this.#matching.account[side];
    const stop = this.#stop;
    if (stop === undefined || (side === 'long' ? price > Number(stop.price) : price < Number(stop.price))) return;
    this.#stop = undefined;
    if (amount === 0) return;
    const closing = { side: side === 'long' ? 'sell' : 'buy', kind: 'market', reduces: true } as const;
    const clientId = stop.clientId as string;
    this.#place({ market, symbol, settle, clientId, ...closing, amount: new Exact(amount).toString(), marginMode });
  }

  async place(_: readonly OrderDraft[], decide: () => Wire | undefined): Promise<readonly WriteResult[] | undefined> {
    const wire = decide();
    if (wire?.kind !== 'place') return undefined;
    return wire.orders.map((intent) => this.#place(intent));
  }

  async cancel(_: number, decide: () => Wire | undefined): Promise<readonly WriteResult[] | undefined> {
    const wire = decide();
    if (wire?.kind !== 'cancel') return undefined;
    return wire.orders.map(({ clientId }) => {
      const known = this.#orders.get(clientId);
      if (known === undefined || known.order.state === 'done') return { clientId, outcome: GONE };
      this.#matching.desk.cancel(known.order, this.#clock());
      this.#arrive(this.#clock());
      if (known.order.state === ('done' as Order['state'])) this.#push([this.#view(known)], []);
      return { clientId, orderId: known.orderId, outcome: ACCEPTED };
    });
  }

  async protect(_: StopAction, decide: () => Wire | undefined): Promise<readonly WriteResult[] | undefined> {
    const wire = decide();
    if (wire?.kind !== 'protect' && wire?.kind !== 'unprotect') return undefined;
    if (wire.kind === 'unprotect') this.#stop = undefined;
    else {
      const { symbol, clientId, side, price } = wire.stop;
      this.#stop = { symbol, clientId, orderId: `paper-${clientId}`, positionSide: side, price };
    }
    return [{ outcome: ACCEPTED }];
  }

  async stops(): Promise<readonly PrivateStop[]> {
    // Without a position an exchange keeps no stop of one.
    if (this.#matching.account[this.#options.config.side].amount === 0) this.#stop = undefined;
    return this.#stop ? [this.#stop] : [];
  }

  async open(): Promise<readonly PrivateOrder[]> {
    this.#arrive(this.#clock());
    return [...this.#orders.values()].filter(({ order }) => order.state !== 'done').map((known) => this.#view(known));
  }

  async fills(since: number): Promise<readonly PrivateFill[]> {
    return this.#fills.filter(({ timestamp }) => timestamp >= since);
  }

  async fundings(): Promise<readonly never[]> {
    return [];
  }

  async positions(): Promise<readonly PrivatePosition[]> {
    const { config } = this.#options;
    const { account, price } = this.#matching;
    const { amount, cost } = account[config.side];
    const text = (value: number) => (Number.isFinite(value) ? new Exact(value).toString() : undefined);
    const liquidation = config.side === 'long' ? account.liquidationBelow : account.liquidationAbove;
    const own: PrivatePosition = {
      market: config.market,
      symbol: config.symbol,
      positionSide: amount > 0 ? config.side : separateSide(config),
      positionMode: positionModeOf(config),
      amount: new Exact(amount).toString(),
      average: amount > 0 ? text(cost / amount) : undefined,
      mark: text(price),
      leverage: config.leverage,
      marginMode: config.marginMode,
      liquidation: text(liquidation),
    };
    return [own];
  }

  async lookUp({ clientId }: Pick<OwnOrder, 'clientId'>): Promise<readonly LookupAnswer[]> {
    const known = this.#orders.get(clientId);
    const time = this.#clock();
    const order = known && this.#view(known);
    const answer = { answered: true, time, order };
    return [answer, answer, answer, { answered: true, time, fills: this.#fills.filter((fill) => fill.clientId === clientId) }];
  }

  async quote(): Promise<Quote> {
    return { price: this.price, ...(await this.#options.rules()) };
  }

  async listen(listener: VenueListener, signal: AbortSignal): Promise<void> {
    this.#listener = listener;
    const stopped = new Promise<undefined>((resolve) => {
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
      if (signal.aborted) resolve(undefined);
    });
    // A quiet market must not hold up the end: the next trade may be hours away.
    const trades = this.#options.trades[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([trades.next(), stopped]);
      if (next === undefined || next.done || signal.aborted) return;
      for (const trade of next.value) this.trade(trade);
    }
  }

  /** Microseconds; never behind the last trade. */
  #clock(): number {
    return Math.max(this.#traded, Math.floor(this.now() * 1_000));
  }

  #arrive(until: number): void {
    const { desk, price } = this.#matching;
    for (let order = desk.arrive(until, price); order; order = desk.arrive(until, price)) {
      this.#matching.arrived(order);
      this.#time = Math.max(order.activeAt, this.#time);
    }
    this.#time = Math.max(until, this.#time);
  }

  #place(intent: OrderIntent): WriteResult {
    const { clientId } = intent;
    const { config } = this.#options;
    const now = this.#clock();
    const order = this.#matching.desk.place(
      {
        kind: intent.kind,
        position: config.side,
        side: intent.side,
        amount: Number(intent.amount),
        price: intent.price === undefined ? undefined : Number(intent.price),
        reason: intent.reduces ? 'take_profit' : intent.kind === 'market' ? 'entry' : 'level',
      },
      now,
      this.#matching.price,
    );
    if (!order) return { clientId, outcome: { class: 'definite', cause: 'amount', message: 'the order is below a minimum' } };
    const orderId = `paper-${clientId}`;
    if (this.#orders.size > MOST_ORDERS)
      for (const [id, known] of this.#orders) if (known.order.state === 'done') this.#orders.delete(id);
    this.#orders.set(clientId, { intent, order, orderId, updated: now });
    this.#arrive(now);
    return { clientId, orderId, outcome: ACCEPTED };
  }

  #find(id: number): PaperOrder | undefined {
    for (const known of this.#orders.values()) if (known.order.id === id) return known;
    return undefined;
  }

  #filled(fill: Execution): void {
    const { config, terms } = this.#options;
    const known = this.#find(fill.order);
    this.#number += 1;
    const row: PrivateFill = {
      market: config.market,
      symbol: config.symbol,
      tradeId: `paper-${fill.time}-${this.#number}`,
      orderId: known?.orderId ?? 'liquidation',
      clientId: known?.intent.clientId,
      side: fill.side,
      price: new Exact(fill.price).toString(),
      amount: new Exact(fill.amount).toString(),
      fees: terms.spot ? [] : [{ asset: config.settle, amount: new Exact(fill.fee).toDecimalPlaces(12).toString() }],
      liquidity: fill.maker ? 'maker' : 'taker',
      cause: fill.reason === 'liquidation' ? 'liquidation' : 'order',
      timestamp: fill.time,
    };
    this.#fills.push(row);
    if (this.#fills.length > 1_000) this.#fills.shift();
    if (known) known.updated = fill.time;
    const ended = fill.held === 0 ? [...this.#orders.values()].filter(({ order }) => order.state === 'done') : [];
    this.#push(
      [...(known ? [this.#view(known)] : []), ...ended.filter((one) => one !== known).map((one) => this.#view(one))],
      [row],
    );
  }

  #rejected(order: Order): void {
    const known = this.#find(order.id);
    if (known) this.#push([{ ...this.#view(known), status: 'rejected', reason: 'the margin does not suffice' }], []);
  }

  #push(orders: readonly PrivateOrder[], fills: readonly PrivateFill[]): void {
    this.#listener?.pushed({ orders, fills, positions: [] });
  }

  #view({ intent, order, orderId, updated }: PaperOrder): PrivateOrder {
    const { filled, state } = order;
    const isWhole = state === 'done' && new Exact(filled).gte(intent.amount);
    return {
      market: intent.market,
      symbol: intent.symbol,
      orderId,
      clientId: intent.clientId,
      side: intent.side,
      kind: intent.kind,
      reduceOnly: intent.reduces,
      price: intent.price,
      amount: intent.amount,
      filled: new Exact(filled).toString(),
      status: isWhole ? 'filled' : state === 'done' ? 'cancelled' : filled > 0 ? 'partial' : 'new',
      cause: 'order',
      updated,
    };
  }

  /** The desk as the journal knows it: what is held, and what rests. What was on its way is gone. */
  #restore(state: RunState): void {
    const { config } = this.#options;
    const { account, desk } = this.#matching;
    const held = Number(state.held);
    if (held > 0)
      account.book({
        position: config.side,
        opens: true,
        price: new Exact(state.cost).div(state.held).toNumber(),
        amount: held,
        fee: 0,
      });
    this.#number = state.books.fills;
    this.#stop = state.stop.shown[0];
    const { market, symbol, settle, marginMode } = config;
    for (const order of state.orders.filter((one) => isLive(one) && one.state === 'accepted')) {
      const { clientId, side, kind, price, amount, reduces } = order;
      this.#place({ market, symbol, settle, clientId, side, kind, price, amount, reduces, marginMode });
      const placed = this.#orders.get(clientId)?.order;
      if (placed === undefined) continue;
      placed.filled = Number(order.fillSum);
      placed.remaining = desk.lot.tidy(placed.amount - placed.filled);
    }
  }
}
