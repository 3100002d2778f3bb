import { UsageError } from '../model/errors.js';
import type { Exchange } from './exchange.js';
import * as registry from './registry.js';

/** Every exchange, in the order of their names. */
export const EXCHANGES: readonly Exchange[] = Object.values(registry);

/** Returns the exchange with this id. Throws a `UsageError` that names the known ones. */
export function exchangeOf(id: string): Exchange {
  const exchange = EXCHANGES.find((candidate) => candidate.id === id);
  if (!exchange) throw new UsageError(`exchange: expected one of ${EXCHANGES.map((known) => known.id).join(', ')}, was "${id}"`);
  return exchange;
}
