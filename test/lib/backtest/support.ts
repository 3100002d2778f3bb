import { runBacktest } from '../../../src/lib/backtest/engine.js';
import { type Bars, emptyTimedValues, type MarketData, TAKER, type Ticks } from '../../../src/lib/backtest/market-data.js';
import type { OrderRequest } from '../../../src/lib/backtest/orders.js';
import type { Outcome } from '../../../src/lib/backtest/outcome.js';
import type { RunOptions } from '../../../src/lib/backtest/session.js';
import type { Broker, Strategy } from '../../../src/lib/backtest/strategy.js';
import { buildTerms, type ExecutionTerms } from '../../../src/lib/backtest/terms.js';
import { DAY, SECOND } from '../../../src/lib/model/time.js';

/** 2026-01-01T00:00:00Z; every test counts its seconds from here. */
export const T0 = 1_767_225_600 * SECOND;

export type TickRow = readonly [second: number, price: number, amount?: number, taker?: 'buy' | 'sell' | 'unknown'];
type BarRow = readonly [open: number, high: number, low: number, close: number, volume?: number];

export function ticks(rows: readonly TickRow[]): Ticks {
  return {
    kind: 'trades',
    time: Float64Array.from(rows, ([second]) => T0 + Math.round(second * SECOND)),
    price: Float64Array.from(rows, ([, price]) => price),
    amount: Float64Array.from(rows, ([, , amount = 1000]) => amount),
    taker: Uint8Array.from(rows, ([, , , taker = 'sell']) => TAKER[taker]),
  };
}

/** Candles of a minute, one after the other. */
export function bars(rows: readonly BarRow[], interval = 60 * SECOND): Bars {
  const column = (index: number, fallback?: number) => Float64Array.from(rows, (row) => row[index] ?? (fallback as number));
  return {
    kind: 'candles',
    interval,
    time: Float64Array.from(rows, (_, index) => T0 + index * interval),
    open: column(0),
    high: column(1),
    low: column(2),
    close: column(3),
    volume: column(4, 1000),
  };
}

export function series(rows: readonly (readonly [second: number, value: number])[]) {
  return {
    time: Float64Array.from(rows, ([second]) => T0 + second * SECOND),
    value: Float64Array.from(rows, ([, value]) => value),
  };
}

export function market(feed: Ticks | Bars, more: Partial<MarketData> = {}): MarketData {
  return {
    exchange: 'bybit',
    market: 'linear',
    symbol: 'TESTUSDT',
    feed,
    marks: emptyTimedValues(),
    fundings: emptyTimedValues(),
    gaps: [],
    books: [],
    ...more,
  };
}

/** Places orders at their seconds; those without one when the first event is over. */
export function script(orders: readonly (OrderRequest & { readonly second?: number })[]): Strategy {
  const at = (second: number | undefined) => (second === undefined ? Number.NEGATIVE_INFINITY : T0 + second * SECOND);
  const waiting = [...orders].sort((a, b) => at(a.second) - at(b.second));
  const act = (broker: Broker) => {
    while (waiting[0] !== undefined && at(waiting[0].second) <= broker.now) broker.place(waiting.shift() as OrderRequest);
    if (waiting[0] !== undefined) broker.wakeAt(at(waiting[0].second));
  };
  return { start: act, woken: act };
}

/** Round fees so that a ledger can be worked out in the head: maker 0.1 %, taker 0.2 %. */
export function run(
  data: MarketData,
  strategy: Strategy,
  terms: Partial<ExecutionTerms> = {},
  options: Partial<RunOptions> = {},
): Outcome {
  return runBacktest(data, {
    strategy,
    terms: buildTerms({ deposit: 1000, makerFee: 0.001, takerFee: 0.002, ...terms }),
    path: 'high-first',
    sample: DAY,
    ...options,
  });
}

/** One line per fill: `second side amount @ price fee realised reason`, money to the cent. */
export function ledger({ fills }: Outcome): string[] {
  return fills.map(
    ({ time, side, amount, price, fee, realized, reason }) =>
      `${(time - T0) / SECOND} ${side} ${amount} @ ${price} fee ${cents(fee)} realised ${cents(realized)} ${reason}`,
  );
}

function cents(value: number): string {
  return (Math.round(value * 100) / 100 + 0).toFixed(2);
}

/** Equity at the end of the run, to the cent. */
export function finalEquity({ equity }: Outcome): string {
  return cents(equity.at(-1)?.equity ?? Number.NaN);
}

export const buy = (amount: number): OrderRequest => ({ kind: 'market', position: 'long', side: 'buy', amount, reason: 'entry' });
export const sell = (amount: number): OrderRequest => ({
  kind: 'market',
  position: 'long',
  side: 'sell',
  amount,
  reason: 'exit',
});
export const short = (amount: number): OrderRequest => ({
  kind: 'market',
  position: 'short',
  side: 'sell',
  amount,
  reason: 'entry',
});
export const cover = (amount: number): OrderRequest => ({
  kind: 'market',
  position: 'short',
  side: 'buy',
  amount,
  reason: 'exit',
});
export const bid = (price: number, amount: number): OrderRequest => ({
  kind: 'limit',
  position: 'long',
  side: 'buy',
  price,
  amount,
  reason: 'level',
});
export const offer = (price: number, amount: number): OrderRequest => ({
  kind: 'limit',
  position: 'long',
  side: 'sell',
  price,
  amount,
  reason: 'take_profit',
});
