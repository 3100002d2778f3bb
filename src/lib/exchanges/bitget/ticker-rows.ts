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
    const fields = fieldsOf(values);
    if (Object.values(fields).every((value) => value === undefined)) return 'ticker: expected prices or amounts, found none';
    return this.#fanOut.apply({ exchange: 'bitget', market, symbol, timestamp, action: values.action, fields }, at);
  }
}

/** A price of 0 or "" means that there is none, and takes its amount along; volumes and open interest may well be 0. */
function fieldsOf(values: TickerValues): TickerFields {
  const bid = positive(values.bid);
  const ask = positive(values.ask);
  return {
    last: positive(values.last),
    bid,
    bidAmount: bid === undefined ? undefined : positive(values.bidAmount),
    ask,
    askAmount: ask === undefined ? undefined : positive(values.askAmount),
    volume24h: finite(values.volume24h),
    turnover24h: finite(values.turnover24h),
    mark: positive(values.mark),
    index: positive(values.index),
    openInterest: finite(values.openInterest),
    fundingRate: values.isFunded ? finite(values.fundingRate) : undefined,
    nextFundingTimestamp: values.isFunded ? fromMilliseconds(values.nextFundingTimestamp) : undefined,
  };
}
