import type { Metrics } from './metrics.js';
import type { Outcome } from './outcome.js';
import type { Terms } from './terms.js';

/** Beyond these a result is more likely a mistake than a discovery. */
const ABSURD = { sharpe: 8, profit_factor: 10, win_rate_pct: 95, return_pct: 1000 } as const;
/** Fewer trades than this say little about the next ones. */
const FEW_TRADES = 30;
/** Above this share of candles that the assumed path decided, trades are needed. */
const UNDECIDED_PCT = 5;

/** Returns what makes the figures of a run doubtful, one sentence each. */
export function runWarnings(outcome: Outcome, metrics: Metrics, terms: Terms): string[] {
  return [...absurdities(metrics), ...circumstances(outcome, metrics), ...assumptions(outcome, terms)];
}

function absurdities(metrics: Metrics): string[] {
  const { trades = 0 } = metrics;
  const beyond = Object.entries(ABSURD).filter(([name, limit]) => (metrics[name] ?? 0) > limit);
  if (beyond.length === 0 || trades === 0) return [];
  const found = beyond.map(([name]) => `${name} ${Number((metrics[name] as number).toPrecision(4))}`).join(', ');
  return [`too good to be true: ${found}; look for knowledge of the future, missing fees or fills that nobody would have got`];
}

function circumstances({ orders, liquidations: deaths, fills, equity: points }: Outcome, metrics: Metrics): string[] {
  const { trades = 0, final_equity: equity = 0 } = metrics;
  const { rejected, refused } = orders;
  const liquidations = deaths.length;
  return [
    ...(fills.length === 0 ? ['nothing was traded'] : []),
    ...(fills.length > 0 && trades < FEW_TRADES ? [fewText(trades)] : []),
    ...((points.at(-1)?.net ?? 0) !== 0
      ? [`a position is open at the end: its unrealized_pnl is in net_profit, but in no figure of trades`]
      : []),
    ...(liquidations > 0 ? [`liquidated ${liquidations} times`] : []),
    ...(equity <= 0 ? ['everything was lost'] : []),
    ...(rejected > 0 ? [`${rejected} orders were rejected: the margin did not cover them`] : []),
    ...(refused > 0
      ? [`${refused} orders were below a lot or a minimum, or not possible on this market, and were not placed`]
      : []),
  ];
}

function fewText(trades: number): string {
  if (trades === 0) return 'no position was closed: there are no trades to judge by';
  return `${trades === 1 ? 'only one trade' : `only ${trades} trades`}: ratios over so few say little`;
}

function assumptions({ undecided, events }: Outcome, terms: Terms): string[] {
  const share = events === 0 ? 0 : (undecided / events) * 100;
  return [
    ...(share > UNDECIDED_PCT ? [`${share.toFixed(1)} % of the candles are undecided: take trades, or shorter candles`] : []),
    ...(terms.fill === 'touch' ? ['limit orders fill when their price is touched, as though nobody stood before them'] : []),
    ...(terms.makerFee === 0 && terms.takerFee === 0 ? ['fees are zero'] : []),
    ...(terms.tickSize === undefined ? ['no tick size: prices are not rounded'] : []),
    ...(terms.lotSize === undefined ? ['no lot size: amounts are not rounded'] : []),
  ];
}
