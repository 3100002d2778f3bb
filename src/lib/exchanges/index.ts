import { UsageError } from '../model/errors.js';
import { bitget } from './bitget/index.js';
import { bybit } from './bybit/index.js';
import type { Exchange } from './exchange.js';

/** Every exchange there is. A new one is a folder and a line here. */
export const EXCHANGES: readonly Exchange[] = [bitget, bybit];

/** Returns the exchange with this id. Throws a `UsageError` that names the known ones. */
export function exchangeOf(id: string): Exchange {
  const exchange = EXCHANGES.find((candidate) => candidate.id === id);
  if (!exchange) throw new UsageError(`exchange: expected one of ${EXCHANGES.map((known) => known.id).join(', ')}, was "${id}"`);
  return exchange;
}
