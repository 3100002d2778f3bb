import { finite, positive } from '../../model/numbers.js';
import { fromMilliseconds } from '../../model/time.js';
import type { TickerFields } from '../ticker-fan-out.js';
import type { Fields } from './fields.js';

type Read = (value: unknown) => number | undefined;

const amount: Read = (value) => {
  const number = finite(value);
  return number !== undefined && number >= 0 ? number : undefined;
};

/**
 * Bybit's fields and ours. Amounts, volumes and open interest count the base coin on linear and spot, US dollars on
 * inverse; turnover counts the quote coin, on inverse the base coin. `openInterest` counts both sides,
 * `singleOpenInterest` (since 2026-06) one. Spot carries neither bid nor ask, nor what derivatives have.
 */
const FIELDS: readonly (readonly [theirs: string, ours: keyof TickerFields, read: Read])[] = [
  ['lastPrice', 'last', positive],
  ['bid1Price', 'bid', positive],
  ['bid1Size', 'bidAmount', amount],
  ['ask1Price', 'ask', positive],
  ['ask1Size', 'askAmount', amount],
  ['volume24h', 'volume24h', amount],
  ['turnover24h', 'turnover24h', amount],
  ['markPrice', 'mark', positive],
  ['indexPrice', 'index', positive],
  ['singleOpenInterest', 'openInterest', amount],
  ['openInterest', 'openInterestBothSides', amount],
  ['fundingRate', 'fundingRate', finite],
  ['nextFundingTime', 'nextFundingTimestamp', fromMilliseconds],
  ['fundingIntervalHour', 'fundingIntervalHours', positive],
];

/**
 * Returns what a ticker frame says: absent means unchanged, `''` and a zero price or time mean none (null).
 * A field that cannot be read becomes null too, since its last value no longer holds, and `rejected` names it.
 */
export function parseTickerFields(data: Fields): { fields: TickerFields; rejected: string[] } {
  const fields: { -readonly [Name in keyof TickerFields]: TickerFields[Name] } = {};
  const rejected: string[] = [];
  for (const [theirs, ours, read] of FIELDS) {
    const value = data[theirs];
    if (value === undefined) continue;
    const number = read(value);
    fields[ours] = number ?? null;
    if (number === undefined && value !== '' && finite(value) !== 0) rejected.push(`tickers: expected a number in ${theirs}`);
  }
  return { fields, rejected };
}
