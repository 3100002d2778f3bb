import type { Run } from '../../lib/model/records.js';
import { seriesKey } from '../../lib/model/series.js';

/** Totals of the out-of-sample parts of one symbol and path. */
type WalkForwardTotal = {
  readonly exchange: string;
  readonly market: string;
  readonly symbol: string;
  /** Absent for trades. */
  readonly path?: string | undefined;
  readonly parts: number;
  readonly net_profit: number;
  /** Sum of the parts' returns: every part starts with the deposit, so returns add up and do not compound. */
  readonly return_pct: number;
  /** Maximum of all parts; a drawdown across two parts counts in each part separately. */
  readonly max_drawdown_pct: number;
  readonly trades: number;
};

/** Returns the totals of the out-of-sample runs; empty for other runs. */
export function walkForwardTotals(runs: readonly Run[]): WalkForwardTotal[] {
  const judged = runs.filter(({ detail }) => (detail as { readonly part?: string } | undefined)?.part === 'out-of-sample');
  const keyOf = (run: Run) => `${seriesKey(run)} ${run.path}`;
  const keys = [...new Set(judged.map(keyOf))];
  return keys.map((key) => totalOf(judged.filter((run) => keyOf(run) === key)));
}

function totalOf(runs: readonly Run[]): WalkForwardTotal {
  const [{ exchange, market, symbol, path }] = runs as [Run];
  const values = (name: string) => runs.map(({ metrics }) => (metrics as Readonly<Record<string, number>>)[name] ?? 0);
  const sum = (name: string) => values(name).reduce((total, value) => total + value, 0);
  return {
    exchange,
    market,
    symbol,
    path,
    parts: runs.length,
    net_profit: sum('net_profit'),
    return_pct: sum('return_pct'),
    max_drawdown_pct: Math.max(...values('max_drawdown_pct')),
    trades: sum('trades'),
  };
}
