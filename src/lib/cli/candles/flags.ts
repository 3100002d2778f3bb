import { Args, Flags } from '@oclif/core';
import { type CandleOptions, EMPTIES, OPENS } from '../../candles/options.js';
import type { TradeSelection } from '../../candles/store/candle-step.js';
import type { Exchange } from '../../exchanges/exchange.js';
import { EXCHANGES } from '../../exchanges/index.js';
import { UsageError } from '../../model/errors.js';
import { parseIntervals } from '../../model/interval.js';
import { CANDLE_SOURCES } from '../../model/market-records.js';
import type { Market } from '../../model/records.js';
import { SECOND } from '../../model/time.js';
import { durationFlag, exchangesFlag, intervalsFlag, marketsFlag, storeFlag, symbolsFlag, timeFlags } from '../flags.js';
import { nativeSymbols } from '../query/flags.js';

/** `-`, files or globs. */
export const inputArgument = Args.string({
  multiple: true,
  description: 'Files or globs (.ndjson, .csv, both also .gz, .parquet), or - for stdin. Default: the store.',
});

/** How candles are built, of what, and how they are shown. */
export const candleFlags = {
  interval: intervalsFlag({
    summary: 'Intervals, separated by commas: whole seconds from 1s to 1w. Weeks start on Monday, 00:00 UTC.',
    default: async () => ['1m'],
    defaultHelp: async () => '1m',
  }),
  open: Flags.option({
    summary: 'Open at the first trade, or at the previous close, as the exchanges publish candles.',
    options: OPENS,
    default: 'first-trade' as const,
  })(),
  empty: Flags.option({
    summary: 'Intervals without trades: leave them out, carry the close forward, or give them no prices.',
    options: EMPTIES,
    default: 'skip' as const,
  })(),
  grace: durationFlag({
    summary: 'How long after its end a candle still takes trades, from stdin; files and the store are taken whole.',
    default: async () => SECOND,
    defaultHelp: async () => '1s',
  }),
  source: Flags.option({
    summary: "Build from trades, or from the exchange's own smaller candles.",
    options: CANDLE_SOURCES,
    default: 'trades' as const,
  })(),
  exchange: exchangesFlag(),
  market: marketsFlag(),
  symbols: symbolsFlag(),
  ...timeFlags,
  store: storeFlag,
  wait: Flags.boolean({ summary: 'When a run over this store is going on, wait for it instead of leaving it to it.' }),
  'fail-on-gaps': Flags.boolean({ summary: 'Exit 3 when a candle is incomplete.' }),
  plot: Flags.boolean({ summary: 'Draw the last candles of the symbol with the greatest turnover.', helpGroup: 'OUTPUT' }),
  svg: Flags.string({ summary: 'Also draw them into this file.', helpValue: 'FILE', helpGroup: 'OUTPUT' }),
};

export type CandleFlags = Omit<CandleOptions, 'intervals' | 'amountUnit'> & { readonly interval: readonly string[] };

/** Returns how candles are to be built. Throws a `UsageError` for an interval that cannot be one. */
export function candleOptionsOf({ interval, open, empty, grace, source }: CandleFlags): CandleOptions {
  return { intervals: parseIntervals(interval), open, empty, grace, source, amountUnit };
}

/** Returns what the amounts of an exchange's market count; an exchange nobody knows counts the base asset. */
export function amountUnit(id: string, market: Market): 'base' | 'quote' {
  return EXCHANGES.find((exchange) => exchange.id === id)?.amountUnit(market) ?? 'base';
}

export type SelectionFlags = {
  readonly exchange?: readonly Exchange[] | undefined;
  readonly market?: readonly Market[] | undefined;
  readonly symbols?: readonly string[] | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
};

/** Returns which trades the flags choose, in the exchanges' own spelling of symbols. */
export function selectionOf({ exchange, market, symbols, since, until }: SelectionFlags): TradeSelection {
  if (since !== undefined && until !== undefined && since >= until) throw new UsageError('--since must lie before --until');
  return {
    exchanges: exchange?.map(({ id }) => id),
    markets: market,
    symbols: symbols && nativeSymbols(symbols, exchange ?? EXCHANGES, market),
    since,
    until,
  };
}
