import type { Exchange } from '../../../lib/exchanges/exchange.js';
import { GRID_DEFAULTS, type GridInput, type GridLimits } from '../../../lib/grid/parameters.js';
import type { TermsQuery, TradingTerms } from '../../../lib/instruments/trading-terms.js';
import { UsageError } from '../../../lib/model/errors.js';
import type { MaintenanceTier } from '../../../lib/model/maintenance-tier.js';
import { Exact, type ExactValue } from '../../../lib/model/ticks.js';
import type { GridFlags } from './flags.js';

/** Returns the query for an exchange, undefined for a plan from flags alone. Throws a `UsageError` on an incomplete query. */
export function buildTermsQuery(flags: GridFlags): TermsQuery | undefined {
  if (flags.exchange === undefined && flags.symbols === undefined && flags.market === undefined) {
    if (flags.price === undefined)
      throw new UsageError('missing --price (or give --exchange and --symbols to use the last traded price)');
    return undefined;
  }
  const exchange = only<Exchange>('--exchange', flags.exchange);
  const symbol = only<string>('--symbols', flags.symbols);
  const market = flags.market === undefined ? 'linear' : only('--market', flags.market);
  if (market === 'inverse')
    throw new UsageError('--market: inverse contracts are not supported (their profit is paid in coins); use spot or linear');
  const wants = { tiers: flags['maintenance-rate'] === undefined, lastPrice: flags.price === undefined };
  return { exchange, market, symbol, wants };
}

function only<Value>(flag: string, values: readonly Value[] | undefined): Value {
  const [first, ...more] = values ?? [];
  if (first !== undefined && more.length === 0) return first;
  throw new UsageError(
    values === undefined
      ? `missing ${flag}: a plan is for one symbol of one exchange`
      : `${flag}: expected one value, was ${values.length}; a plan is for one symbol of one exchange`,
  );
}

/** Builds the grid input from flags and the terms of an exchange; flags take precedence. */
export function buildGridInput(flags: GridFlags, terms: TradingTerms | undefined): GridInput {
  const spot = terms?.instrument.kind === 'spot';
  if (spot) refuseOnSpot(flags);
  const takerFee = flags['taker-fee'] ?? terms?.instrument.takerFee;
  return {
    price: flags.price ?? (terms?.lastPrice?.price as number),
    deposit: flags.deposit,
    side: flags.side,
    leverage: flags.leverage ?? (spot ? 1 : undefined),
    levels: flags.levels,
    coverage: flags.coverage,
    multiplier: flags.multiplier,
    takeProfit: flags['take-profit'],
    spacing: flags.spacing,
    distances: flags['spacing-list'],
    sizing: flags.sizing,
    marginMode: flags['margin-mode'],
    limits: limitsOf(flags, terms),
    tiers: terms?.tiers && tiersOf(terms, takerFee ?? GRID_DEFAULTS.takerFee),
    maintenanceRate: flags['maintenance-rate'] ?? (spot ? 0 : undefined),
    makerFee: flags['maker-fee'] ?? terms?.instrument.makerFee,
    takerFee,
  };
}

function refuseOnSpot({ side, leverage, solve }: GridFlags): void {
  if (side === 'short') throw new UsageError('--side: expected long on spot, spot cannot be sold short');
  if (leverage !== undefined && Number(leverage) !== 1) throw new UsageError(`--leverage: expected 1 on spot, was ${leverage}`);
  if (solve === 'leverage') throw new UsageError('--solve: expected multiplier, coverage or deposit; spot has no leverage');
}

function limitsOf(flags: GridFlags, terms: TradingTerms | undefined): GridLimits {
  const instrument = terms?.instrument;
  return {
    tickSize: flags['tick-size'] ?? instrument?.tickSize,
    lotSize: flags['lot-size'] ?? instrument?.lotSize,
    minAmount: flags['min-amount'] ?? instrument?.minAmount,
    maxAmount: flags['max-amount'] ?? instrument?.maxAmount,
    minNotional: flags['min-notional'] ?? instrument?.minNotional,
    maxLeverage: flags['max-leverage'] ?? instrument?.maxLeverage,
    priceBandUp: flags['price-band-up'] ?? instrument?.priceBandUp,
    priceBandDown: flags['price-band-down'] ?? instrument?.priceBandDown,
    maxOrders: flags['max-orders'] ?? instrument?.maxOrders,
  };
}

/** Returns the exchange's tiers; adds the closing fee to every rate if the exchange counts it as maintenance. */
function tiersOf({ tiers = [], withClosingFee }: TradingTerms, takerFee: ExactValue): readonly MaintenanceTier[] {
  if (!withClosingFee) return tiers;
  return tiers.map((tier) => ({ ...tier, rate: new Exact(tier.rate).plus(takerFee).toNumber() }));
}

/** Returns notes on the sources of the numbers, one sentence each. */
export function notesOn(flags: GridFlags, terms: TradingTerms | undefined): string[] {
  if (terms === undefined) return [];
  const { instrument, lastPrice, tiers, withClosingFee, notes } = terms;
  const { exchange } = instrument;
  const feesKnown =
    (instrument.makerFee ?? flags['maker-fee']) !== undefined && (instrument.takerFee ?? flags['taker-fee']) !== undefined;
  return [
    ...(lastPrice
      ? [`price ${lastPrice.price} is the last traded price on ${exchange}, ${lastPrice.ageSeconds.toFixed(1)} s old`]
      : []),
    ...(tiers && withClosingFee ? [`maintenance rates include the closing taker fee, as on ${exchange}`] : []),
    ...(feesKnown ? [] : [`${exchange} does not publish its fees: assuming 0.02 % and 0.06 %; set --maker-fee and --taker-fee`]),
    ...notes,
  ];
}
