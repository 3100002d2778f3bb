import { EXCHANGES } from '../../src/lib/exchanges/index.js';
import type { Pacing } from '../../src/lib/exchanges/live-protocol.js';
import type { Market } from './exchange-server/index.js';
import { faster } from './live-run.js';

/** Returns the variables that make a capture so many times as fast; `own` (milliseconds) replaces single values. */
export function pacingVariables(
  id: string,
  market: Market,
  times: number,
  own: Partial<Pacing> = {},
): Readonly<Record<string, string>> {
  const exchange = EXCHANGES.find((each) => each.id === id);
  if (!exchange) throw new Error(`no exchange ${id}`);
  const { connectsAtOnce, connectsPerFiveMinutes, ...durations } = faster(exchange.live.pacing(market), times);
  const variables = Object.entries({ ...durations, ...own }).map(([name, value]) => {
    const key = name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
    return [`MDTOOL_${id.toUpperCase()}_${key}`, value === 0 ? '0' : `${value}ms`];
  });
  return Object.fromEntries(variables);
}
