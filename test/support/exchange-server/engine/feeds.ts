import { barStart, barsOf } from '../market/bars.js';
import type { Market } from '../market/listing.js';
import type { MarketEvent } from '../market/market.js';
import type { SymbolMarket } from '../market/symbol-market.js';
import { BookFeed, type BookPush } from './book-feed.js';
import type { FeedMemory, Protocol, Topic, Venue } from './exchange.js';
import type { Faults } from './faults.js';
import type { Session } from './session.js';

/** One topic with who listens to it and what was pushed last. */
type Feed = {
  readonly topic: Topic;
  readonly protocol: Protocol;
  readonly subscribers: Set<Session>;
  /** Subscribers that get nothing until they subscribe again. */
  readonly muted: Set<Session>;
  readonly memory: FeedMemory;
  book?: BookFeed;
  /** Start of the candle pushed last, and the trades it knew of. */
  candle?: { start: number; trades: number };
};

/** Turns what happens on the market into frames of those who subscribed it. */
export class Feeds {
  readonly #feeds = new Map<string, Feed>();
  readonly #bySymbol = new Map<string, Feed[]>();
  readonly #ofMany: Feed[] = [];
  readonly #venue: Venue;
  readonly #faults: Faults;
  readonly #keepsBooks: boolean;

  constructor(venue: Venue, faults: Faults, keepsBooks: boolean) {
    this.#venue = venue;
    this.#faults = faults;
    this.#keepsBooks = keepsBooks;
  }

  /** Adds a subscriber and sends what the exchange sends first. */
  subscribe(session: Session, topic: Topic): void {
    const feed = this.#feedOf(session, topic);
    const symbol = this.#symbolOf(topic);
    feed.muted.delete(session);
    if (symbol) this.#greet(feed, symbol, session);
    feed.subscribers.add(session);
  }

  unsubscribe(session: Session, topic: Topic): void {
    this.#feeds.get(feedKey(session.path, topic))?.subscribers.delete(session);
  }

  /** The symbol's feeds of a kind fall mute for those who have subscribed them, until they do so again or `unmute`. */
  mute(market: Market, symbol: string, kind: Topic['kind']): void {
    for (const feed of this.#bySymbol.get(`${market} ${symbol}`) ?? [])
      if (feed.topic.kind === kind) for (const session of feed.subscribers) feed.muted.add(session);
  }

  unmute(market: Market, symbol: string): void {
    for (const feed of this.#bySymbol.get(`${market} ${symbol}`) ?? []) feed.muted.clear();
  }

  /** Pushes one event to its subscribers. */
  publish(event: MarketEvent, now: number): void {
    const { symbol } = event;
    for (const feed of this.#bySymbol.get(symbol.key) ?? []) {
      if (feed.subscribers.size > 0) this.#push(feed, event, now);
    }
    if (event.kind !== 'liquidation') return;
    for (const feed of this.#ofMany) {
      if (feed.topic.covers?.(symbol.listing)) this.#push(feed, event, now);
    }
  }

  /** Pushes what goes by the clock: candles that changed, best levels that did not. Called every second of the market. */
  second(now: number): void {
    for (const feed of this.#feeds.values()) {
      const symbol = this.#symbolOf(feed.topic);
      if (feed.subscribers.size === 0 || !symbol || symbol.listing.status === 'closed') continue;
      if (feed.topic.kind === 'candle') this.#pushCandles(feed, symbol, now);
      const { repeatsBestAfter } = feed.protocol;
      if (repeatsBestAfter === undefined || feed.topic.depth !== 1 || !feed.book) continue;
      const silent = now - feed.book.last.time;
      if (silent >= repeatsBestAfter && silent % repeatsBestAfter < 1_000) this.#pushBook(feed, symbol, feed.book.snapshot, now);
    }
  }

  /** Returns every push of the matching book feeds. */
  pushes(market: Market, symbol: string, channel: string): { push: BookPush; protocol: Protocol }[] {
    return this.#booksOf(market, symbol, channel).flatMap(({ book, protocol }) =>
      book.pushes.map((push) => ({ push, protocol })),
    );
  }

  /** The next push of the symbol's books is lost on the way to everyone. */
  loseBookPush(market: Market, symbol: string, now: number): void {
    const found = this.#venue.market.get(market, symbol);
    for (const { book, subscribers } of this.#booksOf(market, symbol)) {
      if (subscribers.size === 0) continue;
      for (let tries = 0; tries < 9; tries++) {
        found.requote(now + tries * 1_000);
        if (book.next(now)) break;
      }
    }
  }

  /** The next delta of the symbol's books carries a wrong checksum, where it carries one. */
  spoilChecksum(market: Market, symbol: string): void {
    for (const { book } of this.#booksOf(market, symbol)) book.isSpoilt = true;
  }

  /** Sends everyone a snapshot of the symbol's books in the middle of the stream, numbered anew as after a restart. */
  restartBooks(market: Market, symbol: string, now: number): void {
    for (const feed of this.#booksOf(market, symbol)) {
      this.#pushBook(feed, this.#venue.market.get(market, symbol), feed.book.restart(now), now);
    }
  }

  #booksOf(market: Market, symbol: string, channel?: string) {
    return (this.#bySymbol.get(`${market} ${symbol}`) ?? []).filter(
      (feed): feed is Feed & { book: BookFeed } =>
        feed.book !== undefined && (channel === undefined || feed.topic.channel === channel),
    );
  }

  #feedOf(session: Session, topic: Topic): Feed {
    const key = feedKey(session.path, topic);
    const known = this.#feeds.get(key);
    if (known) return known;
    const feed: Feed = { topic, protocol: session.protocol, subscribers: new Set(), muted: new Set(), memory: {} };
    this.#feeds.set(key, feed);
    if (topic.symbol === '') this.#ofMany.push(feed);
    else {
      const symbol = `${topic.market} ${topic.symbol}`;
      this.#bySymbol.set(symbol, [...(this.#bySymbol.get(symbol) ?? []), feed]);
    }
    return feed;
  }

  #symbolOf({ market, symbol }: Topic): SymbolMarket | undefined {
    return this.#venue.market.find(market, symbol);
  }

  #greet(feed: Feed, symbol: SymbolMarket, session: Session): void {
    const frame = this.#greeting(feed, symbol, this.#venue.now());
    if (frame !== undefined && !this.#faults.isSilent(feed.topic)) session.data(frame);
  }

  #greeting(feed: Feed, symbol: SymbolMarket, now: number): string | undefined {
    const { topic, protocol } = feed;
    const { writer, tradeHistory, candleHistory } = protocol;
    switch (topic.kind) {
      case 'trade': {
        const fills = symbol.trades.slice(symbol.trades.length - tradeHistory);
        return tradeHistory > 0 && fills.length > 0 ? writer.trades(topic, symbol, fills, now, true) : undefined;
      }
      case 'ticker':
        return writer.ticker(topic, symbol, now, feed.memory, true);
      case 'book':
        return writer.book(topic, symbol, this.#bookOf(feed, symbol, now).snapshot, now);
      case 'candle': {
        const interval = intervalOf(topic);
        const start = barStart(now, interval);
        const bars = barsOf(symbol.trades, symbol.listing, interval, start - (candleHistory - 1) * interval, now + 1);
        feed.candle ??= { start, trades: symbol.trades.length };
        return bars.length > 0 ? writer.candles(topic, symbol, bars, now, true) : undefined;
      }
      case 'liquidation':
        return undefined;
    }
  }

  /** A book nobody listened to has moved on unseen: who comes first is sent its present state. */
  #bookOf(feed: Feed, symbol: SymbolMarket, now: number): BookFeed {
    if (!feed.book) {
      const { depth = Number.POSITIVE_INFINITY, hasDeltas = false } = feed.topic;
      feed.book = new BookFeed(symbol, now, { depth, hasDeltas, keeps: this.#keepsBooks });
    } else if (feed.subscribers.size === 0) feed.book.next(now);
    return feed.book;
  }

  #push(feed: Feed, event: MarketEvent, now: number): void {
    const { topic, protocol, memory } = feed;
    const { symbol } = event;
    const { writer } = protocol;
    if (topic.kind === 'trade' && event.kind === 'trade') {
      this.#broadcast(feed, writer.trades(topic, symbol, event.fills, now, false));
    } else if (topic.kind === 'ticker' && event.kind === 'ticker') {
      this.#broadcast(feed, writer.ticker(topic, symbol, now, memory, false));
    } else if (topic.kind === 'liquidation' && event.kind === 'liquidation') {
      this.#broadcast(feed, writer.liquidation(topic, symbol, event.liquidation, now));
    } else if (topic.kind === 'book' && event.kind === 'book' && feed.book) {
      this.#pushBook(feed, symbol, feed.book.next(now), now);
    }
  }

  #pushBook(feed: Feed, symbol: SymbolMarket, push: BookPush | undefined, now: number): void {
    if (push) this.#broadcast(feed, feed.protocol.writer.book(feed.topic, symbol, push, now));
  }

  /** A candle that ended is pushed once more with its last values, in a frame of its own, before the next begins. */
  #pushCandles(feed: Feed, symbol: SymbolMarket, now: number): void {
    const interval = intervalOf(feed.topic);
    const start = barStart(now, interval);
    const known = feed.candle ?? { start, trades: symbol.trades.length };
    feed.candle = { start, trades: symbol.trades.length };
    if (known.start === start && known.trades === symbol.trades.length) return;
    for (const bar of barsOf(symbol.trades, symbol.listing, interval, known.start, now + 1)) {
      this.#broadcast(feed, feed.protocol.writer.candles(feed.topic, symbol, [bar], now, false));
    }
  }

  #broadcast(feed: Feed, frame: string | undefined): void {
    if (frame === undefined || this.#faults.isSilent(feed.topic)) return;
    for (const session of feed.subscribers) if (!feed.muted.has(session)) session.data(frame);
  }
}

function feedKey(path: string, topic: Topic): string {
  return `${path} ${topic.key}`;
}

function intervalOf({ interval }: Topic): number {
  if (interval === undefined) throw new Error('a candle topic has an interval');
  return interval;
}
