import type { Exchange } from '../exchanges/exchange.js';
import type { Candle, Market } from '../model/records.js';
import type { Span } from '../model/span.js';
import { fetchHistory } from './fetch.js';
import type { RestClient } from './rest-client.js';

/** Returns the closed candles of an exchange in a span, oldest first; `now` returns microseconds. Throws as `fetchHistory`. */
export async function closedCandles(
  client: RestClient,
  exchange: Exchange,
  series: { readonly market: Market; readonly symbol: string; readonly interval: string } & Span,
  now: () => number,
): Promise<Candle[]> {
  const candles: Candle[] = [];
  for await (const { records } of fetchHistory(client, exchange, { type: 'candle', ...series }, now, { confirmsEmpty: true }))
    for (const record of records) if (record.type === 'candle' && record.closed) candles.push(record);
  return candles.sort((a, b) => a.timestamp - b.timestamp);
}
