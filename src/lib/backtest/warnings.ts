import { counted } from '../model/counted.js';
import type { Metrics } from './metrics.js';
import type { Outcome } from './outcome.js';
import type { ExecutionTerms } from './terms.js';

/** Results above these values are more likely a mistake than a discovery. */
const ABSURD = { sharpe: 8, profit_factor: 10, win_rate_pct: 95, return_pct: 1000 } as const;
/** Minimum number of trades for meaningful ratios. */
const FEW_TRADES = 30;
/** Maximum share of candles decided by the assumed path, per cent. */
const UNDECIDED_PCT = 5;

/** Returns the reasons to doubt the metrics of a run, one sentence each. */
export function runWarnings(outcome: Outcome, metrics: Metrics, terms: ExecutionTerms): string[] {
  return [...absurdities(metrics), ...circumstances(outcome, metrics), ...assumptions(outcome, terms)];
}

function absurdities(metrics: Metrics): string[] {
  const { trades = 0, net_profit: profit = 0 } = metrics;
  const beyond = Object.entries(ABSURD).filter(([name, limit]) => (metrics[name] ?? 0) > limit);
  if (beyond.length === 0 || trades === 0 || profit <= 0) return [];
  const found = beyond.map(([name]) => `${name} ${Number((metrics[name] as number).toPrecision(4))}`).join(', ');
  return [`too good to be true: ${found}; check for look-ahead, missing fees or fills that no order could have got`];
}

function circumstances({ orders, liquidations: liquidationTimes, fills, equity: points }: Outcome, metrics: Metrics): string[] {
  const { trades = 0, final_equity: equity = 0 } = metrics;
  const { rejected, refused } = orders;
  const liquidations = liquidationTimes.length;
  return [
    ...(fills.length === 0 ? ['no trades'] : []),
    ...(fills.length > 0 && trades < FEW_TRADES ? [fewText(trades)] : []),
    ...((points.at(-1)?.net ?? 0) !== 0
      ? ['open position at the end: its unrealized P&L counts in net profit, not in the trade statistics']
      : []),
    ...(liquidations > 0 ? [`liquidated ${liquidations === 1 ? 'once' : `${liquidations} times`}`] : []),
    ...(equity <= 0 ? ['equity fell to zero or below'] : []),
    ...(rejected > 0 ? [`${counted(rejected, 'order')} rejected: not enough margin`] : []),
    ...(refused > 0
      ? [`${counted(refused, 'order')} not placed: below the lot size or a minimum, or not possible on this market`]
      : []),
  ];
}

function fewText(trades: number): string {
  if (trades === 0) return 'no position was closed, so there are no trade statistics';
  return `only ${counted(trades, 'trade')}: too few trades for meaningful ratios`;
}

function assumptions({ undecided, events }: Outcome, terms: ExecutionTerms): string[] {
  const share = events === 0 ? 0 : (undecided / events) * 100;
  return [
    ...(share > UNDECIDED_PCT ? [`${share.toFixed(1)} % of the candles are undecided: use trades or shorter candles`] : []),
    ...(terms.fill === 'touch' ? ['limit orders fill when their price is touched: the queue ahead of them is ignored'] : []),
    ...(terms.makerFee === 0 && terms.takerFee === 0 ? ['fees are zero'] : []),
    ...(terms.tickSize === undefined ? ['no tick size: prices are not rounded'] : []),
    ...(terms.lotSize === undefined ? ['no lot size: amounts are not rounded'] : []),
  ];
}
