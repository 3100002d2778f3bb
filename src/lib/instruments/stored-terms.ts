import type { AnyRecord, Instrument, RecordType } from '../model/records.js';
import { formatTime, MINUTE, SECOND } from '../model/time.js';
import type { QuotedPrice, TermsQuery, TradingTerms } from './trading-terms.js';

/** A price older than this is no price to begin a grid at. */
const OLDEST_PRICE = MINUTE;

/**
 * Returns what the store in `directory` knows of a symbol, for when the exchange does not answer: the latest instrument
 * and, where it is wanted, a last price younger than 60 s. Undefined where one of them is missing, where there is no store,
 * and where maintenance tiers are wanted, which are not stored. `now` is microseconds.
 */
export async function storedTerms(query: TermsQuery, directory: string, now: number): Promise<TradingTerms | undefined> {
  const { exchange, market, wants } = query;
  const symbol = exchange.nativeSymbol(query.symbol, market);
  if (symbol === undefined || (wants.tiers && market !== 'spot')) return undefined;
  const latest = <Type extends RecordType>(type: Type, since?: number) =>
    latestStored(type, { directory, exchange: exchange.id, market, symbol, since, until: now });
  const instrument = (await latest('instrument')) as Instrument | undefined;
  if (instrument === undefined) return undefined;
  const lastPrice = wants.lastPrice ? quoteOf(await latest('trade', now - OLDEST_PRICE), now) : undefined;
  if (wants.lastPrice && lastPrice === undefined) return undefined;
  const notes = [`the terms of ${symbol} are those of the store, of ${formatTime(instrument.timestamp)}`];
  return { instrument, withClosingFee: false, notes, lastPrice };
}

function quoteOf(record: AnyRecord | undefined, now: number): QuotedPrice | undefined {
  return record?.type === 'trade' ? { price: record.price, ageSeconds: (now - record.timestamp) / SECOND } : undefined;
}

type Stored = {
  readonly directory: string;
  readonly exchange: string;
  readonly market: TermsQuery['market'];
  readonly symbol: string;
  readonly since: number | undefined;
  readonly until: number;
};

async function latestStored(type: RecordType, stored: Stored): Promise<AnyRecord | undefined> {
  const { directory, exchange, market, symbol, since, until } = stored;
  const { readStore } = await import('../storage/reading/store-reader.js');
  const selection = { types: [type], exchanges: [exchange], markets: [market], symbols: [symbol], since, until };
  let latest: AnyRecord | undefined;
  for await (const records of readStore(directory, selection)) latest = records.at(-1) ?? latest;
  return latest;
}
