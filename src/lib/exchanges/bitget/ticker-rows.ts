import { finite, positive } from '../../model/numbers.js';
import { fromMilliseconds } from '../../model/time.js';
import type { FeedEvent } from '../exchange.js';
import { TickerFanOut, type TickerFields, type TickerFrame } from '../ticker-fan-out.js';
import type { Push } from './envelope.js';
import { unexpected } from './fields.js';

/** The raw values of one ticker row, whatever the protocol calls them. */
export type TickerValues = {
  readonly [Field in Exclude<keyof TickerFields, 'openInterestBothSides' | 'fundingIntervalHours'>]: unknown;
} & {
  readonly timestamp: number | undefined;
  readonly action: TickerFrame['action'];
  /** Dated futures are not funded, though their rows say rate 0. */
  readonly isFunded: boolean;
};

/** Maps the ticker rows of one connection. */
export class TickerRows {
  readonly #fanOut = new TickerFanOut();

  /** Returns the records of a row that arrived `at`, or the reason why it has none. */
  map({ market, timestamp: pushed }: Push, symbol: string, values: TickerValues, at: number): FeedEvent[] | string {
    const timestamp = values.timestamp ?? pushed;
    if (timestamp === undefined) return unexpected('ticker', 'ts', 'milliseconds', undefined);
    const fields = parseTickerFields(values);
    const empty = values.action === 'snapshot' ? [undefined, null] : [undefined];
    if (Object.values(fields).every((value) => empty.includes(value as null | undefined)))
      return 'ticker: expected prices or amounts, found none';
    return this.#fanOut.apply({ exchange: 'bitget', market, symbol, timestamp, action: values.action, fields }, at);
  }
}

/**
 * A field that the row does not mention is undefined, one that it empties is null. A price of 0 or "" means
 * none, and its amount is dropped too; volumes and open interest may well be 0.
 */
function parseTickerFields(values: TickerValues): TickerFields {
  const { isFunded } = values;
  const bid = mentioned(values.bid, positive);
  const ask = mentioned(values.ask, positive);
  return {
    last: mentioned(values.last, positive),
    bid,
    bidAmount: bid === null ? null : mentioned(values.bidAmount, positive),
    ask,
    askAmount: ask === null ? null : mentioned(values.askAmount, positive),
    volume24h: mentioned(values.volume24h, finite),
    turnover24h: mentioned(values.turnover24h, finite),
    mark: mentioned(values.mark, positive),
    index: mentioned(values.index, positive),
    openInterest: mentioned(values.openInterest, finite),
    fundingRate: isFunded ? mentioned(values.fundingRate, finite) : undefined,
    nextFundingTimestamp: isFunded ? mentioned(values.nextFundingTimestamp, fromMilliseconds) : undefined,
  };
}

function mentioned(value: unknown, read: (value: unknown) => number | undefined): number | null | undefined {
  return value === undefined ? undefined : (read(value) ?? null);
}
