import { type Channel, type Exchange, type FeedEvent, NO_INSTRUMENTS } from '../../exchanges/exchange.js';
import { EXCHANGES } from '../../exchanges/index.js';
import { FailureError, UsageError } from '../../model/errors.js';
import type { Market } from '../../model/records.js';
import type { SelectionOptions } from '../selection.js';

/** Names that a message lists at most. */
const MOST_NAMES = 8;

/** What the frames of a replay told of, wanted or not: so that a wish that nothing met can be told from silence. */
export class TapeContents {
  readonly #symbols = new Map<string, Map<Market, Set<string>>>();
  readonly #intervals = new Set<string>();
  #last: FeedEvent | undefined;

  /** Takes note of what a frame brought. */
  observe(events: readonly FeedEvent[]): void {
    for (const event of events) {
      const last = this.#last;
      // Most frames tell of what the one before told of.
      if (last?.symbol !== event.symbol || last.market !== event.market || last.exchange !== event.exchange) this.#note(event);
      if (event.type === 'candle') this.#intervals.add(event.interval);
      this.#last = event;
    }
  }

  /** Returns a sentence for each thing that was asked for and is not there, naming what is. */
  missing({ exchanges, markets, symbols = [], channels, intervals = [] }: SelectionOptions): string[] {
    const found = new Set([...this.#symbols.values()].flatMap((ofMarket) => [...ofMarket.keys()]));
    const wanted = (market: Market) => markets?.includes(market) ?? true;
    const names = [...this.#symbols.values()].flatMap((ofMarket) => [...ofMarket].filter(([market]) => wanted(market)));
    const isThere = (spelling: string) =>
      exchanges.some((exchange) =>
        [...(this.#symbols.get(exchange.id) ?? [])].some(
          ([market, known]) => wanted(market) && known.has(exchange.nativeSymbol(spelling, market) ?? ''),
        ),
      );
    const lackingMarkets = (markets ?? []).filter((market) => !found.has(market));
    return [
      ...lackingMarkets.map((market) => absent('--market', market, [...found])),
      // Where no market is left, that has been said.
      ...(names.length > 0 ? symbols : [])
        .filter((symbol) => !isThere(symbol))
        .map((symbol) => absent('--symbols', symbol, [...new Set(names.flatMap(([, known]) => [...known]))])),
      ...(channels.includes('candle') ? intervals : [])
        .filter((interval) => !this.#intervals.has(interval))
        .map((interval) => absent('--interval', interval, [...this.#intervals])),
    ];
  }

  #note({ exchange, market, symbol }: FeedEvent): void {
    const ofMarket = this.#symbols.get(exchange) ?? new Map<Market, Set<string>>();
    this.#symbols.set(exchange, ofMarket);
    const known = ofMarket.get(market) ?? new Set<string>();
    ofMarket.set(market, known.add(symbol));
  }
}

function absent(flag: string, wanted: string, found: readonly string[]): string {
  const names = [...found].sort();
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return `${flag} ${wanted}: not on the tape, which has ${names.slice(0, MOST_NAMES).join(', ') || 'none'}${more}`;
}

/** Throws a `FailureError` for a connection to the feeds of an exchange that the tape does not name. */
export function refuseForeign(exchange: Exchange, url: string): void {
  if (exchange.createReader(url, NO_INSTRUMENTS)) return;
  const other = EXCHANGES.find((candidate) => candidate.createReader(url, NO_INSTRUMENTS));
  if (other)
    throw new FailureError(`expected a tape of ${exchange.id}, as its first line says, but it connects to ${other.id}: ${url}`);
}

/** Throws a `UsageError` for a channel that the protocol of a tape's connection has on no market. */
export function refuseLacking(exchange: Exchange, url: string, channels: readonly Channel[]): void {
  const has = (api: string, channel: Channel) =>
    exchange.markets.some((market) => exchange.channels(market, api).includes(channel));
  const api = exchange.apis.find((candidate) => url.includes(`/${candidate}/`));
  const lacking = api && channels.find((channel) => !has(api, channel));
  if (!api || !lacking) return;
  const other = exchange.apis.find((candidate) => has(candidate, lacking));
  const way = other === undefined ? '' : `; it needs --api ${other}, when the tape is recorded`;
  throw new UsageError(`--channels ${lacking}: the tape is of ${exchange.name} ${api}, which does not have it${way}`);
}
