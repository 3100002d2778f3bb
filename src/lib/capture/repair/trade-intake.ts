import type { AnyRecord, GapReason, Market, Trade } from '../../model/records.js';
import { seriesKey } from '../../model/series.js';
import type { Statistics } from '../statistics.js';
import type { LostFeed } from './continuity.js';
import { type Feed, FeedTable } from './feed-table.js';
import { KnownTrades, type TradePoint } from './known-trades.js';
import type { RepairLimits } from './repair-job.js';
import { TradeRepair } from './trade-repair.js';
import { type WaitingEvent, WaitingEvents } from './waiting-events.js';

/** Trade ids remembered per symbol: more than two overlapping connections are apart. 500 symbols then take some 30 MB. */
export const REMEMBERED_TRADES = 250;

export type TradeIntakeOptions = {
  /** Without, holes are told and not repaired. */
  readonly limits: RepairLimits | undefined;
  /** Trades of a symbol that are known again when they come again, at least; `REMEMBERED_TRADES` unless told. */
  readonly remembered?: number | undefined;
  readonly statistics: Statistics;
  /** The exchange's time on a market, 0 while it is not known. */
  readonly time: (exchange: string, market: Market) => number;
  /** Stamps a record and passes it on. */
  readonly emit: (record: AnyRecord, records: AnyRecord[]) => void;
  /** Passes on what was fetched, which nobody saw arrive. */
  readonly pass: (record: AnyRecord, records: AnyRecord[]) => void;
};

/** Where trades come in: each once by its id, in order, and behind a hole not before that is repaired or given up. */
export class TradeIntake {
  /** Undefined where holes are told and not repaired. */
  readonly repair: TradeRepair | undefined;
  /** What connections bring before the ones that lead do. */
  readonly waiting = new WaitingEvents();
  readonly #options: TradeIntakeOptions;
  /** Trades that were held back and let go. */
  readonly #released = new WeakSet<Trade>();
  readonly #trades = new FeedTable<Feed & { readonly known: KnownTrades }>();

  constructor(options: TradeIntakeOptions) {
    this.#options = options;
    if (options.limits) this.repair = new TradeRepair(options.limits, options.time);
  }

  /** Whether the seconds of a market (`exchange market`) have to wait. */
  holdsClock(market: string): boolean {
    return (this.repair?.holdsClock(market) ?? false) || this.waiting.holdsClock(market);
  }

  /** Returns whether a trade was not known; from now on it is. */
  isNew(trade: Trade): boolean {
    if (this.waiting.told(trade)) this.#options.statistics.duplicates += 1;
    return this.#known(trade).add(trade);
  }

  /** Lets an event wait, but for a trade that is known; returns whether it does. */
  wait(waiting: WaitingEvent): boolean {
    const { event } = waiting;
    return !(event.type === 'trade' && this.#known(event).has(event.id)) && this.waiting.keep(waiting);
  }

  /** Tells the last trades of a feed that are stored: what came since is missing. */
  resume(feed: Feed, trades: readonly TradePoint[], at: number): void {
    const known = this.#known(feed);
    for (const trade of trades) known.add(trade);
    this.repair?.resume(feed, known, at);
  }

  /** Takes over the hole of a feed that was lost; returns false where holes of this channel are not repaired. */
  lost({ exchange, market, channel, symbol, last }: LostFeed, reason: GapReason, at: number): boolean {
    if (channel !== 'trade' || !this.repair) return false;
    const feed = { exchange, market, channel, symbol };
    this.repair.lost(feed, this.#known(feed), last, reason, at);
    return true;
  }

  /** Notes that the trades of a feed come live from now on. */
  back(feed: Feed, at: number): void {
    if (feed.channel === 'trade') this.repair?.back(feed, at);
  }

  /** Takes a trade that has to wait behind a hole; returns false where there is none. */
  hold(feed: Feed, trade: Trade, at: number): boolean {
    const { repair } = this;
    if (!repair || repair.isIdle || !repair.isHolding(seriesKey(feed))) return false;
    repair.hold(feed, Object.assign(trade, { localTimestamp: at }), at);
    return true;
  }

  /** Takes what a connection tells of the past as it begins; returns false where there is no hole that it helps to fill. */
  snapshot(feed: Feed, trades: readonly Trade[], at: number): boolean {
    return this.repair?.snapshot(feed, trades, at) ?? false;
  }

  /** Notes that a trade did not fit into the outputs: it will be fetched again. Returns whether it is the first. */
  overflow(trade: Trade, at: number): boolean {
    const { exchange, market, symbol } = trade;
    return this.repair?.overflow({ exchange, market, symbol, channel: 'trade' }, this.#known(trade), trade, at) ?? false;
  }

  /** Passes on what repairs have given, in order: the gap, what was missing in it, what came after it. */
  flush(records: AnyRecord[]): AnyRecord[] {
    const { emit, pass, statistics } = this.#options;
    for (const { gap, replaces, found, held } of this.repair?.take() ?? []) {
      const given = this.#remember(found, held, replaces);
      if (gap && replaces) statistics.withdraw(gap);
      if (gap) emit({ ...gap, repaired: gap.repaired - (found.length - given.length) }, records);
      for (const trade of [...given, ...held]) {
        if (trade.localTimestamp !== undefined) this.#released.add(trade);
        (trade.localTimestamp === undefined ? pass : emit)(trade, records);
      }
    }
    return records;
  }

  /** Whether a trade comes out of a repair: it was fetched, or held back. */
  hasGiven(trade: Trade): boolean {
    return trade.localTimestamp === undefined || this.#released.has(trade);
  }

  /**
   * Remembers what a repair gives, in its order: what waited behind a hole is forgotten after what was missing in it. Returns
   * what is given of `found`, not what has come another way since it was asked for. `isLate`: what came after the hole was
   * told long ago.
   */
  #remember(found: readonly Trade[], held: readonly Trade[], isLate: boolean): readonly Trade[] {
    for (const trade of [...found, ...held]) if (trade.localTimestamp !== undefined) this.#known(trade).forget(trade.id);
    const given = found.filter((trade) => (isLate ? this.#known(trade).passOver(trade) : this.isNew(trade)));
    for (const trade of held) this.#known(trade).add(trade);
    return given;
  }

  #known({ exchange, market, symbol }: Pick<Feed, 'exchange' | 'market' | 'symbol'>): KnownTrades {
    const found = this.#trades.get(exchange, market, 'trade', symbol);
    if (found) return found.known;
    const known = new KnownTrades(this.#options.remembered ?? REMEMBERED_TRADES);
    this.#trades.add({ exchange, market, channel: 'trade', symbol, known });
    return known;
  }
}
