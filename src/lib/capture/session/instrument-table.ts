import type { Exchange, HttpRequest, ReaderContext } from '../../exchanges/exchange.js';
import type { Instrument, Market } from '../../model/records.js';
import type { WireEvent } from '../../tape/tape.js';

type Answer = Extract<WireEvent, { kind: 'http' }>;

/**
 * Instruments of the exchanges whose frames count contracts, from the lists that arrive over HTTP. A live run asks for
 * them before it connects, and a tape holds the answers, so both convert amounts by the same contract sizes.
 */
export class InstrumentTable {
  readonly #byExchange = new Map<string, Map<string, Instrument>>();

  /** Returns what readers of an exchange look up; it goes on with every list that arrives later. */
  contextOf({ id }: Exchange): ReaderContext {
    const instruments = this.#of(id);
    return { instrument: (market, symbol) => instruments.get(`${market} ${symbol}`) };
  }

  /** Takes an answer where it is a list that readers need. Throws a `FailureError` on one that cannot be read. */
  apply(exchange: Exchange, { at, url, status, body }: Answer): void {
    if (!exchange.countsContracts || status !== 200 || !URL.canParse(url)) return;
    const request = listRequest(exchange, url);
    if (!request) return;
    const instruments = this.#of(exchange.id);
    for (const instrument of exchange.instruments.parse(request, body, at).instruments)
      instruments.set(`${instrument.market} ${instrument.symbol}`, instrument);
  }

  #of(id: string): Map<string, Instrument> {
    const known = this.#byExchange.get(id) ?? new Map<string, Instrument>();
    this.#byExchange.set(id, known);
    return known;
  }
}

/** Returns the request for instruments that `url` is, undefined where it asks for something else. */
function listRequest({ instruments, markets }: Exchange, url: string): HttpRequest | undefined {
  const { pathname: path, searchParams } = new URL(url);
  const query = Object.fromEntries(searchParams);
  const lists = markets.flatMap((market: Market) => instruments.requests(market));
  const list = lists.find((candidate) => {
    const decisive = Object.entries(candidate.query).filter(([name]) => name !== 'limit');
    return candidate.path === path && decisive.every(([name, value]) => query[name] === value);
  });
  return list && { ...list, query };
}
