import type { ExactValue } from '../../model/ticks.js';
import type { PositionSide } from '../orders.js';
import type { GridSettings } from '../strategies/grid-planner.js';
import type { ExecutionTerms } from '../terms.js';
import type { ModuleParameters } from './strategy-module.js';

/** A strategy as plain data, for worker threads and the lines of a `--resume` file. */
export type StrategyPlan =
  | { readonly kind: 'signals'; readonly notional: number }
  | {
      readonly kind: 'grid';
      readonly side: PositionSide;
      /** Decimals as text, so that they stay exact. */
      readonly settings: GridSettings;
      /** Microseconds. */
      readonly restart: number;
      readonly fixedDeposit: boolean;
    }
  | { readonly kind: 'module'; readonly path: string; readonly parameters: ModuleParameters };

/** One configuration: everything that decides a run except the data. */
export type RunPlan = {
  readonly strategy: StrategyPlan;
  readonly terms: ExecutionTerms;
  readonly gaps: 'fail' | 'halt' | 'ignore';
  /** Time between points of the equity curve, microseconds; also the period of Sharpe and Sortino. */
  readonly sample: number;
};

/** Returns every parameter in effect, by the names of the flags in snake_case. */
export function parametersOf({ strategy, terms, gaps, sample }: RunPlan): Readonly<Record<string, unknown>> {
  const { latency, tiers, ...rest } = terms;
  return plain({
    ...strategyParameters(strategy),
    ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [snakeCase(name), value])),
    latency_seconds: latency / 1_000_000,
    maintenance_tiers: tiers,
    gaps,
    equity_interval_seconds: sample / 1_000_000,
  });
}

function strategyParameters(strategy: StrategyPlan): Readonly<Record<string, unknown>> {
  switch (strategy.kind) {
    case 'signals':
      return { strategy: 'signals', notional: strategy.notional };
    case 'module':
      return { strategy: strategy.path, ...strategy.parameters };
    case 'grid': {
      const { limits: _, tiers: __, ...settings } = strategy.settings;
      const named = Object.entries(settings).map(([name, value]) => [snakeCase(name), numberOf(value)]);
      return {
        strategy: 'grid',
        ...Object.fromEntries(named),
        side: strategy.side,
        restart_seconds: strategy.restart / 1_000_000,
        fixed_deposit: strategy.fixedDeposit,
      };
    }
  }
}

function numberOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(numberOf);
  return typeof value === 'string' && value !== '' && Number.isFinite(Number(value as ExactValue)) ? Number(value) : value;
}

function plain(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
