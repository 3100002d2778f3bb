import { seeded } from './random.js';

/** The shapes are spelled out: the exchange server plays this market and knows nothing of what it tests. */
type Market = 'spot' | 'linear' | 'inverse';
type Level = readonly [price: number, amount: number];
type Stamped = {
  readonly exchange: string;
  readonly market: Market;
  readonly timestamp: number;
  readonly localTimestamp?: number;
};
type OfSymbol = Stamped & { readonly symbol: string };
type Trade = OfSymbol & {
  readonly type: 'trade';
  readonly id: string;
  readonly price: number;
  readonly amount: number;
  readonly side: 'buy' | 'sell';
  readonly sequence: string;
};
type BookSnapshot = OfSymbol & {
  readonly type: 'book_snapshot';
  readonly bids: Level[];
  readonly asks: Level[];
  readonly depth: number;
};
export type SyntheticRecord =
  | Trade
  | BookSnapshot
  | (OfSymbol & { readonly type: 'mark_price'; readonly mark: number; readonly index: number })
  | (OfSymbol & { readonly type: 'open_interest'; readonly amount: number })
  | (OfSymbol & {
      readonly type: 'funding';
      readonly rate: number;
      readonly nextFundingTimestamp: number;
      readonly intervalHours: number;
    })
  | (Stamped & { readonly type: 'clock' });

const SECOND = 1_000_000;
const HOUR = 3_600 * SECOND;
const TICK = 0.1;
const LOT = 0.001;
const DEPTH = 15;

/** What is planted: for some seconds takers push one way, the book leans and the mark runs ahead of the last price. */
export type PlantedEvent = { readonly at: number; readonly side: 'buy' | 'sell' };

export type SyntheticOptions = {
  readonly seed: number;
  /** Beginning, microseconds, a whole second. */
  readonly start: number;
  readonly hours: number;
  /** The last so many hours are dense: what windows of an hour and less need. Before them a thin market warms the ATR. */
  readonly denseHours: number;
  readonly events: readonly PlantedEvent[];
  readonly exchange?: string;
  readonly market?: Market;
  readonly symbol?: string;
};

/** A synthetic market of 60 hours that ends on 2026-11-20 12:00 UTC, with one long and one short event in its last hour. */
export const SIXTY_HOURS: SyntheticOptions = {
  seed: 7,
  start: 1_795_176_000_000_000 - 60 * HOUR,
  hours: 60,
  denseHours: 3,
  events: [
    { at: 1_795_176_000_000_000 - 2_400 * SECOND, side: 'buy' },
    { at: 1_795_176_000_000_000 - 900 * SECOND, side: 'sell' },
  ],
};

/** An event lasts so many seconds. */
const EVENT_SECONDS = 4;

type Pace = { readonly trades: number; readonly book: number; readonly mark: number; readonly interest: number };

/** Chance of a trade in a second, and seconds between quotes. */
const THIN: Pace = { trades: 0.12, book: 10, mark: 30, interest: 60 };
const DENSE: Pace = { trades: 0.7, book: 1, mark: 3, interest: 5 };

/**
 * Yields the records of a seeded synthetic market in order of arrival: trades, books of 15 levels, mark and index, open
 * interest, funding, and a `clock` every second of the dense hours. The same options give the same records.
 */
export function* syntheticMarket(options: SyntheticOptions): Generator<SyntheticRecord> {
  const market = new Synthetic(options);
  const seconds = options.hours * 3_600;
  for (let second = 0; second < seconds; second++) yield* market.second(second);
}

class Synthetic {
  readonly #options: SyntheticOptions;
  readonly #random: () => number;
  readonly #identity: { exchange: string; market: Market; symbol: string };
  #price = 84_000;
  #lean = 0;
  #interest = 52_000;
  #ids = 0;
  #arrived = 0;

  constructor(options: SyntheticOptions) {
    this.#options = options;
    this.#random = seeded(options.seed);
    const { exchange = 'bybit', market = 'linear', symbol = 'BTCUSDT' } = options;
    this.#identity = { exchange, market, symbol };
  }

  *second(index: number): Generator<SyntheticRecord> {
    const { start, hours, denseHours, events } = this.#options;
    const from = start + index * SECOND;
    const isDense = index >= (hours - denseHours) * 3_600;
    const pace = isDense ? DENSE : THIN;
    const event = events.find(({ at }) => from >= at && from < at + EVENT_SECONDS * SECOND);
    const push = event === undefined ? 0 : event.side === 'buy' ? 1 : -1;
    this.#walk(push);
    const made: SyntheticRecord[] = [...this.#trades(from, pace, push)];
    if (index % pace.book === 0) made.push(this.#book(from + this.#within(), push));
    if (index % pace.mark === 0 || push !== 0) made.push(this.#mark(from + this.#within(), push));
    if (index % pace.interest === 0) made.push(this.#openInterest(from + this.#within()), this.#funding(from + this.#within()));
    yield* this.#arrive(made);
    if (isDense)
      yield { type: 'clock', ...this.#clockIdentity(), timestamp: from + SECOND, localTimestamp: this.#stamp(from + SECOND) };
  }

  /** Stamps arrivals: everything comes within its second, 5 to 80 ms after it happened, in that order. */
  *#arrive(records: readonly SyntheticRecord[]): Generator<SyntheticRecord> {
    const delayed = records.map((record) => ({ record, at: record.timestamp + 5_000 + Math.floor(this.#random() * 75_000) }));
    delayed.sort((a, b) => a.at - b.at);
    for (const { record, at } of delayed) yield { ...record, localTimestamp: this.#stamp(at) } as SyntheticRecord;
  }

  #stamp(at: number): number {
    this.#arrived = Math.max(at, this.#arrived + 1);
    return this.#arrived;
  }

  #walk(push: number): void {
    this.#price *= 1 + 0.00006 * this.#normal() + 0.00002 * push;
    this.#lean = 0.98 * this.#lean + 0.0015 * this.#normal();
    this.#interest += 2 * this.#normal() + 20 * push;
  }

  *#trades(from: number, pace: Pace, push: number): Generator<Trade> {
    const count = push !== 0 ? 6 : this.#random() < pace.trades ? 1 + Math.floor(this.#random() * 2) : 0;
    for (let trade = 0; trade < count; trade++) {
      const side = push > 0 || (push === 0 && this.#random() < 0.5) ? 'buy' : 'sell';
      const lots = push !== 0 ? 2_000 + Math.floor(this.#random() * 1_000) : 1 + Math.floor(this.#random() ** 3 * 600);
      this.#ids += 1;
      const price = this.#onTick(this.#price + (side === 'buy' ? TICK : -TICK));
      const amount = Number((lots * LOT).toFixed(3));
      const timestamp = from + this.#within();
      yield {
        type: 'trade',
        ...this.#identity,
        timestamp,
        id: `s-${this.#ids}`,
        price,
        amount,
        side,
        sequence: String(this.#ids),
      };
    }
  }

  #book(timestamp: number, push: number): BookSnapshot {
    const middle = Math.round(this.#price / TICK);
    const lean = this.#lean + 0.35 * push;
    const side = (direction: 1 | -1, weight: number): Level[] =>
      Array.from({ length: DEPTH }, (_, level) => {
        const lots = Math.max(1, Math.round((1 + this.#random()) * 1_500 * weight));
        return [Number(((middle + direction * (level + 1)) * TICK).toFixed(1)), Number((lots * LOT).toFixed(3))];
      });
    const [bids, asks] = [side(-1, 1 + lean), side(1, 1 - lean)];
    return { type: 'book_snapshot', ...this.#identity, timestamp, bids, asks, depth: DEPTH };
  }

  #mark(timestamp: number, push: number): SyntheticRecord {
    const index = this.#onTick(this.#price * (1 + 0.00001 * this.#normal()));
    const mark = this.#onTick(this.#price * (1 + 0.00002 * this.#normal() + 0.0006 * push));
    return { type: 'mark_price', ...this.#identity, timestamp, mark, index };
  }

  #openInterest(timestamp: number): SyntheticRecord {
    return { type: 'open_interest', ...this.#identity, timestamp, amount: Number(this.#interest.toFixed(3)) };
  }

  #funding(timestamp: number): SyntheticRecord {
    const nextFundingTimestamp = Math.ceil((timestamp + 1) / (8 * HOUR)) * 8 * HOUR;
    return { type: 'funding', ...this.#identity, timestamp, rate: 0.0001, nextFundingTimestamp, intervalHours: 8 };
  }

  #clockIdentity() {
    return { exchange: this.#identity.exchange, market: this.#identity.market };
  }

  /** A moment within a second, on a millisecond as exchanges tell theirs; arrivals stay within the second. */
  #within(): number {
    return Math.floor(this.#random() * 900) * 1_000;
  }

  #onTick(price: number): number {
    return Number((Math.round(price / TICK) * TICK).toFixed(1));
  }

  /** Irwin–Hall: near enough to normal, and the same on every machine. */
  #normal(): number {
    let sum = -6;
    for (let draw = 0; draw < 12; draw++) sum += this.#random();
    return sum;
  }
}
