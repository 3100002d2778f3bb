import { compareTrades } from '../model/order.js';
import type { Funding, Market, Trade } from '../model/records.js';
import { HOUR } from '../model/time.js';
import type { Execution } from './ledger.js';
import { emptyTimedValues, type MarketData } from './market-data.js';
import { type Schedule, Session } from './session.js';
import { type Signal, SignalStrategy } from './strategies/signals.js';
import type { ExecutionTerms } from './terms.js';
import { type RoundTrip, roundTrips } from './trades.js';

/** What a paper run trades with. */
export type PaperOptions = {
  readonly exchange: string;
  readonly market: Market;
  readonly symbol: string;
  readonly terms: ExecutionTerms;
  /** Value of every entry, quote units. */
  readonly notional: number;
};

/** What the signals so far have earned. */
export type PaperResult = {
  readonly signals: number;
  /** Signals for a side that had a position already. */
  readonly skipped: number;
  /** Closed trades. */
  readonly trades: readonly RoundTrip[];
  /** Sides with a position now. */
  readonly open: number;
  /** Equity minus the deposit, quote units: with fees, funding and the open positions. */
  readonly net: number;
  readonly fees: number;
};

const NEVER = Number.POSITIVE_INFINITY;
/** A row of the equity curve is kept for each: a run of months must not fill the memory. */
const SAMPLE = HOUR;

/** Values with the times from which they apply, some of which have not arrived yet. */
class Inbox implements Schedule {
  at = NEVER;
  readonly #values: { readonly time: number; readonly value: number }[] = [];

  push(time: number, value: number): void {
    const later = this.#values.findLastIndex((other) => other.time <= time) + 1;
    this.#values.splice(later, 0, { time, value });
    this.at = (this.#values[0] as { time: number }).time;
  }

  take(): number {
    const { value } = this.#values.shift() as { value: number };
    this.at = this.#values[0]?.time ?? NEVER;
    return value;
  }
}

/**
 * The signal strategy of the backtest on a market that still trades. A signal becomes known after trades that are later than
 * itself have arrived. If those were matched at once, the paper account would enter later than the backtest of the same
 * records. Trades therefore wait until `release` says that no earlier signal can come.
 */
export class PaperRun {
  readonly #options: PaperOptions;
  readonly #strategy: SignalStrategy;
  readonly #marks = new Inbox();
  readonly #fundings = new Inbox();
  #announced: Funding | undefined;
  #waiting: Trade[] = [];
  #session: Session | undefined;
  #signals = 0;
  #released = 0;
  /** Fills that were handed on. */
  #reported = 0;
  /** Trades that arrived after later ones had been matched. */
  late = 0;

  constructor(options: PaperOptions) {
    this.#options = options;
    this.#strategy = new SignalStrategy({ signals: [], notional: options.notional, tickSize: options.terms.tickSize });
  }

  addSignal(signal: Signal): void {
    this.#signals += 1;
    this.#strategy.add(signal, this.#session);
  }

  addTrade(trade: Trade): void {
    if (trade.timestamp < this.#released) this.late += 1;
    else this.#waiting.push(trade);
  }

  addMark(time: number, mark: number): void {
    this.#marks.push(Math.max(time, this.#released), mark);
  }

  /** Takes a funding rate. The last one announced before its settlement is charged then, as the backtest does. */
  addFunding(funding: Funding): void {
    if (funding.settled === true) return;
    const due = this.#announced?.nextFundingTimestamp;
    if (due !== undefined && funding.nextFundingTimestamp !== due) this.#chargeAnnounced(due);
    if ((funding.nextFundingTimestamp ?? 0) > funding.timestamp) this.#announced = funding;
  }

  /** Matches the trades before `until`: every signal known by then has been added. Returns the new fills. */
  release(until: number): readonly Execution[] {
    if (until <= this.#released) return [];
    this.#released = until;
    const due = this.#announced?.nextFundingTimestamp;
    if (due !== undefined && due < until) this.#chargeAnnounced(due);
    const ready = this.#waiting.filter(({ timestamp }) => timestamp < until);
    if (ready.length > 0) {
      this.#waiting = this.#waiting.filter(({ timestamp }) => timestamp >= until);
      for (const trade of ready.sort(compareTrades)) this.#tick(trade);
    }
    const fills = this.#session?.matching.ledger.fills ?? [];
    const fresh = fills.slice(this.#reported);
    this.#reported = fills.length;
    return fresh;
  }

  get result(): PaperResult {
    const { deposit } = this.#options.terms;
    const session = this.#session;
    if (!session) return { signals: this.#signals, skipped: 0, trades: [], open: 0, net: 0, fees: 0 };
    const { ledger, account } = session.matching;
    const { equity } = session;
    return {
      signals: this.#signals,
      skipped: this.#strategy.figures().signals_passed_over ?? 0,
      trades: roundTrips(ledger.fills, ledger.fundings),
      open: [account.long, account.short].filter(({ amount }) => amount > 0).length,
      net: (Number.isNaN(equity) ? account.balance : equity) - deposit,
      fees: account.fees,
    };
  }

  #chargeAnnounced(due: number): void {
    this.#fundings.push(due, (this.#announced as Funding).rate);
    this.#announced = undefined;
  }

  #tick({ timestamp, price, amount, side }: Trade): void {
    this.#session ??= this.#begin(timestamp);
    this.#session.runScheduled(timestamp);
    this.#session.tick(timestamp, price, amount, side);
  }

  /** Begins at the first trade. The session reads its trades by `tick`: the columns of its data hold none of them. */
  #begin(time: number): Session {
    const { exchange, market, symbol, terms } = this.#options;
    const none = new Float64Array(0);
    const data: MarketData = {
      exchange,
      market,
      symbol,
      feed: { kind: 'trades', time: Float64Array.of(time), price: none, amount: none, taker: new Uint8Array(0) },
      marks: emptyTimedValues(),
      fundings: emptyTimedValues(),
      gaps: [],
      books: [],
    };
    const options = { terms, strategy: this.#strategy, path: 'high-first', sample: SAMPLE } as const;
    return new Session(data, options, { marks: this.#marks, fundings: this.#fundings, fundingsInside: new Inbox() });
  }
}
