import { type Channel, type Exchange, type FeedEvent, NO_INSTRUMENTS } from '../../exchanges/exchange.js';
import { EXCHANGES } from '../../exchanges/index.js';
import { nativeNames } from '../../exchanges/native-names.js';
import { FailureError, UsageError } from '../../model/errors.js';
import type { Market } from '../../model/records.js';
import type { SelectionOptions } from '../selection.js';

/** Maximum of names that a message lists. */
const MAX_NAMES = 8;

/** The markets, symbols and intervals in the frames of a replay. Shows that a request names something the tape lacks. */
export class TapeContents {
  readonly #symbols = new Map<string, Map<Market, Set<string>>>();
  readonly #intervals = new Set<string>();
  #last: FeedEvent | undefined;

  /** Registers the events of a frame. */
  observe(events: readonly FeedEvent[]): void {
    for (const event of events) {
      const last = this.#last;
      // Most events repeat the symbol of the one before.
      if (last?.symbol !== event.symbol || last.market !== event.market || last.exchange !== event.exchange) this.#note(event);
      if (event.type === 'candle') this.#intervals.add(event.interval);
      this.#last = event;
    }
  }

  /** Returns a message for every requested market, symbol and interval that the tapes lack, listing what they have. */
  missing({ exchanges, markets, symbols = [], channels, intervals = [] }: SelectionOptions): string[] {
    const found = new Set([...this.#symbols.values()].flatMap((ofMarket) => [...ofMarket.keys()]));
    const wanted = (market: Market) => markets?.includes(market) ?? true;
    const names = [...this.#symbols.values()].flatMap((ofMarket) => [...ofMarket].filter(([market]) => wanted(market)));
    const exists = (spelling: string) =>
      exchanges.some((exchange) =>
        [...(this.#symbols.get(exchange.id) ?? [])].some(
          ([market, known]) => wanted(market) && nativeNames(exchange, spelling, market).some((name) => known.has(name)),
        ),
      );
    const missingMarkets = (markets ?? []).filter((market) => !found.has(market));
    return [
      ...missingMarkets.map((market) => missingMessage('--market', market, [...found])),
      // Where no market is left, the messages about markets suffice.
      ...(names.length > 0 ? symbols : [])
        .filter((symbol) => !exists(symbol))
        .map((symbol) => missingMessage('--symbols', symbol, [...new Set(names.flatMap(([, known]) => [...known]))])),
      ...(channels.includes('candle') ? intervals : [])
        .filter((interval) => !this.#intervals.has(interval))
        .map((interval) => missingMessage('--interval', interval, [...this.#intervals])),
    ];
  }

  #note({ exchange, market, symbol }: FeedEvent): void {
    const ofMarket = this.#symbols.get(exchange) ?? new Map<Market, Set<string>>();
    this.#symbols.set(exchange, ofMarket);
    const known = ofMarket.get(market) ?? new Set<string>();
    ofMarket.set(market, known.add(symbol));
  }
}

function missingMessage(flag: string, wanted: string, found: readonly string[]): string {
  const names = [...found].sort();
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  return `${flag} ${wanted}: not on the tape; it has ${names.slice(0, MAX_NAMES).join(', ') || 'none'}${more}`;
}

/** Throws a `FailureError` for a connection to the feeds of an exchange that the tape does not name. */
export function refuseForeign(exchange: Exchange, url: string): void {
  if (exchange.createReader(url, NO_INSTRUMENTS)) return;
  const other = EXCHANGES.find((candidate) => candidate.createReader(url, NO_INSTRUMENTS));
  if (other)
    throw new FailureError(`expected a tape of ${exchange.id} as its first line says, but it connects to ${other.id}: ${url}`);
}

/** Throws a `UsageError` for a channel that the protocol of a tape's connection has on no market. */
export function refuseMissingChannel(exchange: Exchange, url: string, channels: readonly Channel[]): void {
  const has = (api: string, channel: Channel) =>
    exchange.markets.some((market) => exchange.channels(market, api).includes(channel));
  const api = exchange.apis.find((candidate) => url.includes(`/${candidate}/`));
  const missing = api && channels.find((channel) => !has(api, channel));
  if (!api || !missing) return;
  const other = exchange.apis.find((candidate) => has(candidate, missing));
  const hint = other === undefined ? '' : `; record the tape with --api ${other}`;
  throw new UsageError(`--channels ${missing}: the tape is of ${exchange.name} ${api}, which does not have it${hint}`);
}
