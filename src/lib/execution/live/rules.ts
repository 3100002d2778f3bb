import type { TradingTerms } from '../../instruments/trading-terms.js';
import { UsageError } from '../../model/errors.js';
import { Exact } from '../../model/ticks.js';
import type { InstrumentRules, RunConfig } from '../state.js';

/** Returns what orders must fit: the flags of the run first, then the exchange. */
export function rulesOf(
  { settings }: { readonly settings: Pick<RunConfig['settings'], 'limits'> },
  { instrument }: TradingTerms,
): InstrumentRules {
  const text = (value: { toString(): string } | undefined) =>
    value === undefined ? undefined : new Exact(value as never).toString();
  const limits = settings.limits ?? {};
  const tick = text(instrument.tickSize ?? limits.tickSize);
  const lot = text(instrument.lotSize ?? limits.lotSize);
  if (tick === undefined || lot === undefined)
    throw new UsageError(
      `${instrument.exchange} does not state the tick and the lot of ${instrument.symbol}: without them no order can be sized`,
    );
  return {
    tick,
    lot,
    minAmount: text(instrument.minAmount),
    maxAmount: text(instrument.maxAmount),
    minNotional: text(instrument.minNotional),
  };
}
