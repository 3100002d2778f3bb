import { nativeNames } from '../exchanges/native-names.js';
import type { AnyRecord, Instrument, RecordType } from '../model/records.js';
import { formatTime, MINUTE, SECOND } from '../model/time.js';
import type { QuotedPrice, TermsQuery, TradingTerms } from './trading-terms.js';

/** Maximum age of a stored price (µs): an older one is useless as the start of a grid. */
const MAX_PRICE_AGE = MINUTE;

/**
 * Returns the terms of a symbol from the store in `directory`, for an exchange that does not answer: the latest instrument
 * and, if wanted, a last price younger than 60 s. Undefined without a store, without one of them, or when maintenance tiers
 * are wanted, which are not stored. `now` is microseconds.
 */
export async function storedTerms(query: TermsQuery, directory: string, now: number): Promise<TradingTerms | undefined> {
  const { exchange, market, wants } = query;
  const symbols = nativeNames(exchange, query.symbol, market);
  if (symbols.length === 0 || (wants.tiers && market !== 'spot')) return undefined;
  const latest = <Type extends RecordType>(type: Type, since?: number) =>
    latestStored(type, { directory, exchange: exchange.id, market, symbols, since, until: now });
  const instrument = (await latest('instrument')) as Instrument | undefined;
  if (instrument === undefined) return undefined;
  const lastPrice = wants.lastPrice ? quoteOf(await latest('trade', now - MAX_PRICE_AGE), now) : undefined;
  if (wants.lastPrice && lastPrice === undefined) return undefined;
  const notes = [`using stored terms of ${instrument.symbol} of ${formatTime(instrument.timestamp)}`];
  return { instrument, withClosingFee: false, notes, lastPrice };
}

function quoteOf(record: AnyRecord | undefined, now: number): QuotedPrice | undefined {
  return record?.type === 'trade' ? { price: record.price, ageSeconds: (now - record.timestamp) / SECOND } : undefined;
}

type Stored = {
  readonly directory: string;
  readonly exchange: string;
  readonly market: TermsQuery['market'];
  readonly symbols: readonly string[];
  readonly since: number | undefined;
  readonly until: number;
};

async function latestStored(type: RecordType, stored: Stored): Promise<AnyRecord | undefined> {
  const { directory, exchange, market, symbols, since, until } = stored;
  const { readStore } = await import('../storage/reading/store-reader.js');
  const selection = { types: [type], exchanges: [exchange], markets: [market], symbols, since, until };
  let latest: AnyRecord | undefined;
  for await (const records of readStore(directory, selection)) latest = records.at(-1) ?? latest;
  return latest;
}
