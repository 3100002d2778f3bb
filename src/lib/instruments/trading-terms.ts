import type { Exchange, HttpRequest, LastPrice, LastPrices, TierPage } from '../exchanges/exchange.js';
import { nameKey, nativeNames } from '../exchanges/native-names.js';
import { FailureError, UnreachableError, UsageError } from '../model/errors.js';
import type { MaintenanceTier } from '../model/maintenance-tier.js';
import type { Instrument, Market } from '../model/records.js';
import { listPages, type OnFallback, type RestBody, type RestSource } from './instruments.js';
import { unknownSymbols } from './symbol-choice.js';
import type { FallbackLists } from './symbol-list.js';

/** Trading terms of one symbol on an exchange. */
export type TradingTerms = {
  readonly instrument: Instrument;
  /** Maintenance tiers, smallest value first; absent on spot and when not requested. */
  readonly tiers?: readonly MaintenanceTier[] | undefined;
  /** Whether maintenance includes the taker fee to close. */
  readonly withClosingFee: boolean;
  /** Notes for the user of a plan with these terms, one sentence each. */
  readonly notes: readonly string[];
  readonly lastPrice?: QuotedPrice | undefined;
};

/** The last price with its age: since the trade if the exchange reports its time, else since the answer. */
export type QuotedPrice = { readonly price: number; readonly ageSeconds: number };

export type TermsQuery = {
  readonly exchange: Exchange;
  readonly market: Market;
  /** Any spelling. */
  readonly symbol: string;
  readonly wants: { readonly tiers: boolean; readonly lastPrice: boolean };
};

/** More pages of tiers than any symbol has. A cursor that loops would otherwise never end. */
const MAX_PAGES = 20;

/**
 * Fetches the instrument, its tiers and its last price. Throws a `UsageError` on an unknown symbol, an `UnreachableError`
 * when the exchange cannot be reached or refuses.
 */
export async function fetchTradingTerms(query: TermsQuery, source: RestSource, fallbacks: TermsFallbacks): Promise<TradingTerms> {
  const { exchange, market, wants } = query;
  requireCapabilities(query);
  const instrument = await findInstrument(query, source, fallbacks);
  const tiers = wants.tiers ? await fetchTiers(exchange, market, instrument.symbol, source) : undefined;
  const prices = wants.lastPrice ? exchange.lastPrice : undefined;
  const lastPrice = prices && (await fetchPrice(prices, market, instrument.symbol, source));
  return {
    instrument,
    tiers: tiers?.tiers,
    withClosingFee: tiers?.withClosingFee ?? false,
    notes: [...statusNotes(instrument), ...(tiers?.notes ?? [])],
    lastPrice,
  };
}

/** Throws a `UsageError` that names what the exchange lacks, before anything is asked of it. */
function requireCapabilities({ exchange, market, wants }: TermsQuery): void {
  if (wants.tiers && market !== 'spot' && !exchange.tiers)
    throw new UsageError(`${exchange.id} has no maintenance tiers: give --maintenance-rate`);
  if (wants.lastPrice && !exchange.lastPrice) throw new UsageError(`${exchange.id} has no last price: give --price`);
}

/** What replaces a list of instruments that cannot be had. */
type TermsFallbacks = {
  readonly onFallback: OnFallback;
  readonly lists: FallbackLists;
};

/** Returns the instrument of the exchange's lists, or of the last good list where it lists none. */
async function findInstrument(query: TermsQuery, source: RestSource, fallbacks: TermsFallbacks): Promise<Instrument> {
  const { exchange, market, symbol } = query;
  try {
    return await listedInstrument(query, source, (text) => fallbacks.onFallback(`${exchange.id} ${market}: ${text}`));
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    const names = nativeNames(exchange, symbol, market).map(nameKey);
    const lists = await fallbacks.lists(exchange, [market], error.message);
    const instrument = lists.flatMap(({ instruments }) => instruments).find((each) => names.includes(nameKey(each.symbol)));
    if (!instrument) throw error;
    return instrument;
  }
}

async function listedInstrument(
  { exchange, market, symbol }: TermsQuery,
  source: RestSource,
  onFallback: OnFallback,
): Promise<Instrument> {
  const native = exchange.nativeSymbol(symbol, market);
  // The first list usually has the symbol, so the others are not fetched.
  const listed: string[] = [];
  for (const first of native === undefined ? [] : exchange.instruments.requests(market)) {
    for await (const { instruments } of listPages(exchange, first, source, onFallback)) {
      const instrument = instruments.find((candidate) => native !== undefined && nameKey(candidate.symbol) === nameKey(native));
      listed.push(...instruments.map((candidate) => candidate.symbol));
      if (instrument) return instrument;
    }
  }
  throw new UsageError(unknownSymbols([symbol], [`${exchange.id} ${market}`], listed));
}

function statusNotes({ symbol, status }: Instrument): string[] {
  return status === 'trading' ? [] : [`${symbol} is not trading (status ${status})`];
}

async function fetchTiers(exchange: Exchange, market: Market, symbol: string, source: RestSource): Promise<TierPage | undefined> {
  const { tiers: capability } = exchange;
  let request: HttpRequest | undefined = capability?.request(market, symbol);
  const pages: TierPage[] = [];
  while (capability && request !== undefined) {
    if (pages.length === MAX_PAGES)
      throw new UnreachableError(`the tiers of ${symbol} on ${exchange.id} have more than ${MAX_PAGES} pages`);
    const asked: HttpRequest = request;
    const page = await ask(source, asked, ({ body }) => capability.parse(asked, body));
    pages.push(page);
    request = page.next;
  }
  const [first] = pages;
  if (first === undefined) return undefined;
  const tiers = pages.flatMap((page) => page.tiers);
  return {
    tiers: tiers.sort((a, b) => (a.upTo ?? Number.POSITIVE_INFINITY) - (b.upTo ?? Number.POSITIVE_INFINITY)),
    withClosingFee: first.withClosingFee,
    notes: [...new Set(pages.flatMap(({ notes }) => notes))],
  };
}

function fetchPrice(prices: LastPrices, market: Market, symbol: string, source: RestSource): Promise<QuotedPrice> {
  const request = prices.request(market, symbol);
  return ask(source, request, ({ body, at }) => {
    const quote: LastPrice = prices.parse(request, body);
    return { price: quote.price, ageSeconds: Math.max(0, at - (quote.timestamp ?? at)) / 1_000_000 };
  });
}

async function ask<Answer>(source: RestSource, request: HttpRequest, parse: (body: RestBody) => Answer): Promise<Answer> {
  const body = await source.answer(request);
  if (body === undefined) throw new FailureError(`the recording has no answer to GET ${request.path}`);
  try {
    return parse(body);
  } catch (error) {
    if (source.live && error instanceof FailureError) throw new UnreachableError(error.message, { cause: error });
    throw error;
  }
}
