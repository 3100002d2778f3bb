import type { Side } from '../model/records.js';
import { MINUTE } from '../model/time.js';
import { BarWalk } from './bar-walk.js';
import { Cursor } from './cursor.js';
import type { Execution } from './ledger.js';
import { candleAt, dueFundings, endOf, firstNotBefore, type MarketData } from './market-data.js';
import { Matching } from './matching.js';
import type { Order, OrderRequest, PositionSide } from './orders.js';
import { Scan } from './scan.js';
import type { Broker, Refusal, Strategy } from './strategy.js';
import type { ExecutionTerms, Path } from './terms.js';

export type RunOptions = {
  readonly terms: ExecutionTerms;
  readonly strategy: Strategy;
  /** Price path inside a candle; ignored for trades. */
  readonly path: Path;
  /** Time between two points of the equity curve, microseconds. */
  readonly sample: number;
  /** Latest end of the run: the start of the first gap with `--gaps halt`. */
  readonly until?: number | undefined;
};

/** Values that take effect at their times: of finished data, or of data that still arrives. */
export type Schedule = Pick<Cursor, 'at' | 'take'>;

/** What is scheduled by the data itself. */
type Schedules = { readonly marks: Schedule; readonly fundings: Schedule; readonly fundingsInside: Schedule };

/** Returns the schedules of finished data. */
function schedulesOf(data: MarketData): Schedules {
  const { between, inside } = dueFundings(data);
  return { marks: new Cursor(data.marks), fundings: new Cursor(between), fundingsInside: new Cursor(inside) };
}

const NEVER = Number.POSITIVE_INFINITY;
/** A simulated account rejects for lack of margin alone, and for good. */
const NO_MARGIN: Refusal = { cause: 'funds', isDeferred: false };
/** Maximum age of a mark price. Exchanges push marks every second; polled ones arrive every minute. */
const MARK_AGE = 2 * MINUTE;

/**
 * State of a run between two events, and everything that is scheduled by time: marks, funding, points of the equity curve,
 * arriving orders, wake-ups of the strategy. It is the broker that the strategy uses.
 */
export class Session implements Broker {
  readonly matching: Matching;
  readonly walk: BarWalk;
  /** Events up to the end of the run. */
  readonly count: number;
  readonly end: number;
  now: number;
  isStarted = false;
  /** Microseconds with an open position. */
  exposed = 0;
  readonly #data: MarketData;
  readonly #strategy: Strategy;
  readonly #options: RunOptions;
  readonly #scan: Scan;
  readonly #marks: Schedule;
  readonly #fundings: Schedule;
  /** Funding settled inside candles. */
  readonly #fundingsInside: Schedule;
  #markUntil = NEVER;
  #wake = NEVER;
  #awakeAt = Number.NaN;
  #sample: number;
  #exposedSince = 0;
  #isExposed = false;

  /** `schedules` of data that still arrives; by default those of `data`. */
  constructor(data: MarketData, options: RunOptions, schedules: Schedules = schedulesOf(data)) {
    const { feed } = data;
    const { until = NEVER, terms, strategy, path, sample } = options;
    this.#data = data;
    this.#options = options;
    this.#strategy = strategy;
    this.#marks = schedules.marks;
    this.#fundings = schedules.fundings;
    this.#fundingsInside = schedules.fundingsInside;
    this.count = firstNotBefore(feed.time, until, 0);
    this.now = feed.time[0] ?? 0;
    this.end = Math.min(until, endOf(feed));
    this.#sample = (Math.floor(this.now / sample) + 1) * sample;
    const session = this;
    this.matching = new Matching(data, terms, {
      get now() {
        return session.now;
      },
      filled: (fill) => this.#filled(fill),
      rejected: (order) => this.#strategy.refused?.(order, this, NO_MARGIN),
    });
    this.walk = new BarWalk(this.matching, path);
    this.#scan = new Scan(feed, this.matching.tracker, path);
  }

  get price(): number {
    return this.matching.price;
  }

  get equity(): number {
    return this.matching.account.equity(this.matching.valuation);
  }

  get balance(): number {
    return this.matching.account.balance;
  }

  get orders(): readonly Order[] {
    return this.matching.desk.open;
  }

  held(position: PositionSide): { amount: number; averagePrice: number } {
    const { amount, cost } = this.matching.account[position];
    return { amount, averagePrice: amount === 0 ? Number.NaN : cost / amount };
  }

  place(request: OrderRequest): number | undefined {
    return this.matching.desk.place(request, this.now, this.price)?.id;
  }

  cancel(id: number): void {
    const order = this.matching.desk.open.find((candidate) => candidate.id === id);
    if (order !== undefined) this.matching.desk.cancel(order, this.now);
  }

  cancelAll(): void {
    for (const order of this.matching.desk.open) this.matching.desk.cancel(order, this.now);
  }

  /** A strategy that asks for a wake-up at the current time would loop forever, so the earliest time is one microsecond on. */
  wakeAt(time: number): void {
    this.#wake = Math.max(time, this.#awakeAt === this.now ? this.now + 1 : this.now);
  }

  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.#strategy.start?.(this);
  }

  /** Processes a trade: own orders against its price, then the strategy. What is scheduled before it has run. */
  tick(time: number, price: number, amount: number, taker: Side | undefined): void {
    const { matching } = this;
    this.now = time;
    matching.begin(amount);
    if (matching.desk.pendingMarketOrders > 0) matching.take(price);
    matching.move({ to: price, passing: false, taker });
    matching.desk.follow(price, price);
    matching.observe(price);
    this.#strategy.trade?.({ time, price, amount, side: taker }, this);
    this.start();
  }

  /** Without latency, orders placed after a fill act in the same candle; with latency, from the next opening. */
  arriveInside(): void {
    const { desk, price } = this.matching;
    if (this.#options.terms.latency > 0) return;
    for (let order = desk.arrive(this.now, price); order; order = desk.arrive(this.now, price)) {
      this.matching.arrived(order);
      this.walk.arrived(order);
    }
  }

  /** Returns the index of the first event in `[from, end)` that reaches a bound, else `end`. */
  skip(from: number, end: number): number {
    const { low, high, account, isMarked } = this.matching;
    return this.#scan.next(from, end, low, high, isMarked || account.isFlat ? undefined : account);
  }

  #filled(fill: Execution): void {
    const { account } = this.matching;
    if (account.isFlat) {
      this.exposed += this.now - this.#exposedSince;
      this.#isExposed = false;
    } else if (!this.#isExposed) {
      this.#exposedSince = this.now;
      this.#isExposed = true;
    }
    this.#strategy.filled?.(fill, this);
    if (this.walk.isInside) this.arriveInside();
  }

  nextScheduled(): number {
    return Math.min(this.#marks.at, this.#fundings.at, this.#markUntil, this.#sample, this.matching.desk.nextArrival, this.#wake);
  }

  /** Runs everything scheduled up to a time, in order; at that time, a candle may open at `opening`. */
  runScheduled(until: number, opening?: number): void {
    for (let next = this.nextScheduled(); next <= until; next = this.nextScheduled()) {
      this.now = Math.max(this.now, next);
      if (this.#marks.at === next) this.#takeMark(this.#marks.take());
      else if (this.#fundings.at === next) this.#chargeBetween(this.#fundings.take(), next === until ? opening : undefined);
      else if (this.#markUntil === next) this.#dropMark();
      else if (this.#sample === next) this.#takeSample(next);
      else if (this.matching.desk.nextArrival === next) this.#arrive();
      else this.#awake();
    }
  }

  /** The next time at which funding settles inside a candle. */
  get nextInside(): number {
    return this.#fundingsInside.at;
  }

  /**
   * Charges the funding that settles inside the current candle, on the position after its opening: at the mark price of that
   * time, else at the opening, the last price known for certain.
   */
  chargeInside(opening: number, end: number): void {
    const inside = this.#fundingsInside;
    while (inside.at < end) {
      if (inside.at >= this.end) return;
      this.now = Math.max(this.now, inside.at);
      const mark = this.#markAt(inside.at);
      this.#charge(inside.take(), mark ?? opening, this.matching.valuation);
    }
  }

  /** Returns the mark price at a time; undefined if there is none, or only an old one. */
  #markAt(time: number): number | undefined {
    const { marks } = this.#data;
    const index = candleAt(marks.time, time);
    return time - (marks.time[index] ?? Number.NEGATIVE_INFINITY) < MARK_AGE ? marks.value[index] : undefined;
  }

  #takeMark(mark: number): void {
    const { account, tracker, isMarked } = this.matching;
    this.#markUntil = this.now + MARK_AGE;
    if (isMarked) this.matching.mark = mark;
    else this.#changeValuation(mark);
    this.matching.checkMark();
    if (account.isFlat) return;
    tracker.extendRange(mark);
    tracker.addEquity(account.equity(mark), this.now);
  }

  /** Drops a mark price older than `MARK_AGE`: from then on the last traded price is used. */
  #dropMark(): void {
    this.#markUntil = NEVER;
    this.#changeValuation(Number.NaN);
  }

  #changeValuation(mark: number): void {
    this.matching.tracker.measureRange(this.matching.account);
    this.matching.mark = mark;
    this.matching.tracker.restartRange(this.matching.valuation, this.matching.account);
  }

  /** Charges funding at the mark price, else at the opening of the candle that begins then, else at the last traded price. */
  #chargeBetween(rate: number, opening: number | undefined): void {
    const { isMarked, valuation } = this.matching;
    const price = isMarked ? valuation : (opening ?? valuation);
    this.#charge(rate, price, price);
  }

  #charge(rate: number, price: number, valuation: number): void {
    const { account, tracker, ledger } = this.matching;
    if (account.isFlat || Number.isNaN(price)) return;
    tracker.measureRange(account);
    ledger.fundings.push(...account.chargeFunding(rate, price, this.now));
    tracker.restartRange(valuation, account);
    tracker.addEquity(account.equity(valuation), this.now);
  }

  #takeSample(time: number): void {
    this.#sample = time + this.#options.sample;
    this.#record(time);
  }

  #record(time: number): void {
    const { account, tracker, ledger } = this.matching;
    const { equity } = this;
    const value = Number.isNaN(equity) ? account.balance : equity;
    ledger.equity.push({ time, equity: value, balance: account.balance, net: account.net, drawdown: tracker.drawdown(value) });
  }

  #arrive(): void {
    const order = this.matching.desk.arrive(this.now, this.price);
    if (order !== undefined) this.matching.arrived(order);
  }

  #awake(): void {
    this.#wake = NEVER;
    this.#awakeAt = this.now;
    this.#strategy.woken?.(this);
  }

  finish(): void {
    const { account, tracker, ledger } = this.matching;
    const { feed } = this.#data;
    if (this.count > 0) this.now = Math.max(this.now, feed.kind === 'trades' ? (feed.time[this.count - 1] as number) : this.end);
    tracker.measureRange(account);
    if (!account.isFlat) this.exposed += this.now - this.#exposedSince;
    if (ledger.equity.at(-1)?.time !== this.now) this.#record(this.now);
  }
}
