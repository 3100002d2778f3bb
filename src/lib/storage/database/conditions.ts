import type { MarketName } from '../../model/series.js';
import type { Span } from '../../model/span.js';
import { sqlText } from './duckdb.js';

/** Returns the condition that the timestamp of a row lies within a span. */
export function withinSpan({ from, until }: Span): string {
  return `"timestamp" >= make_timestamptz(${from}) AND "timestamp" < make_timestamptz(${until})`;
}

/** Returns the condition that a row is of a market, and of one of `symbols` when they are passed. */
export function ofMarket({ exchange, market }: MarketName, symbols?: readonly string[]): string {
  const own = `"exchange" = ${sqlText(exchange)} AND "market" = ${sqlText(market)}`;
  return symbols === undefined ? own : `${own} AND "symbol" IN (${symbols.map(sqlText).join(', ') || 'NULL'})`;
}
