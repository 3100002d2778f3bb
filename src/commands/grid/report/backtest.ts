import { execute, type FinishedRun } from '../../../lib/backtest/study/execute.js';
import type { LoadedMarket } from '../../../lib/backtest/study/market-reader.js';
import { buildTerms, TRADE_LATENCY } from '../../../lib/backtest/terms.js';
import type { InstrumentRules, RunConfig } from '../../../lib/execution/state.js';
import { MINUTE } from '../../../lib/model/time.js';

const LATENCY = TRADE_LATENCY;

/** Returns what the backtest says of the same ladder in the same hours. On candles it is the path that meets the low first. */
export function backtestOf(config: RunConfig, rules: InstrumentRules, loaded: LoadedMarket): FinishedRun {
  const { settings, deposit, leverage, marginMode, side, restart, compounds } = config;
  const number = (value: unknown) => (value === undefined ? undefined : Number(value));
  const terms = buildTerms({
    deposit: Number(deposit),
    leverage: Number(leverage),
    marginMode,
    makerFee: number(settings.makerFee) ?? loaded.instrument?.makerFee,
    takerFee: number(settings.takerFee) ?? loaded.instrument?.takerFee,
    latency: loaded.data.feed.kind === 'trades' ? LATENCY : 0,
    fill: 'touch',
    tiers: settings.tiers,
    tickSize: Number(rules.tick),
    lotSize: Number(rules.lot),
    minAmount: number(rules.minAmount),
    minNotional: number(rules.minNotional),
  });
  const limits = { ...settings.limits, tickSize: rules.tick, lotSize: rules.lot };
  const strategy = {
    ...({ kind: 'grid', side, settings: { ...settings, limits }, restart: restart * 1_000, fixedDeposit: !compounds } as const),
  };
  const path = loaded.data.feed.kind === 'trades' ? undefined : 'low-first';
  return execute({ market: loaded, plan: { strategy, terms, gaps: 'ignore', sample: MINUTE }, path });
}
