import type { LevelSpan } from '../../../lib/backtest/strategy.js';
import { parseClientId } from '../../../lib/execution/client-id.js';
import type { FillRow } from '../../../lib/execution/messages.js';
import type { OwnOrder, RunConfig } from '../../../lib/execution/state.js';
import type { Equity, Fill } from '../../../lib/model/records.js';

type Close = { readonly time: number; readonly close: number };

/** Money of a run from its fills alone, quote units: what is not in them (funding) is in no figure. */
type RunMoney = { readonly equity: readonly Equity[]; readonly realised: number; readonly fees: number };

/** Returns the fills of a journal as records, oldest first, with what each was for. */
export function fillRecords(rows: readonly FillRow[], { exchange, market, symbol }: RunConfig): Fill[] {
  const records = rows.map((row): Fill => {
    const role = parseClientId(row.clientId)?.role;
    const fee = row.fees.reduce((sum, { amount }) => sum + Number(amount), 0);
    const reason = row.cause === 'liquidation' ? 'liquidation' : role === 'close' ? 'exit' : role;
    const { timestamp, orderId, side } = row;
    const base = { type: 'fill', exchange, market, symbol, timestamp, localTimestamp: timestamp, orderId, side } as const;
    return { ...base, price: Number(row.price), amount: Number(row.amount), fee, reason };
  });
  return records.sort((a, b) => a.timestamp - b.timestamp);
}

/** Returns the equity at the end of each candle, from the deposit, the fills until then and the price of the candle. */
export function moneyOf(
  fills: readonly Fill[],
  fees: readonly number[],
  candles: readonly Close[],
  { deposit, side, exchange, market, symbol }: RunConfig,
): RunMoney {
  const direction = side === 'long' ? 1 : -1;
  const equity: Equity[] = [];
  let [held, cost, realised, paid, next, peak] = [0, 0, 0, 0, 0, Number(deposit)];
  for (const { time, close } of candles) {
    for (let fill = fills[next]; fill && fill.timestamp < time; next++, fill = fills[next]) {
      paid += fees[next] ?? 0;
      if ((fill.side === 'buy') === (side === 'long')) {
        held += fill.amount;
        cost += fill.amount * fill.price;
        continue;
      }
      const share = held === 0 ? 0 : Math.min(1, fill.amount / held);
      realised += (Math.min(held, fill.amount) * fill.price - cost * share) * direction;
      cost *= 1 - share;
      held = Math.max(0, held - fill.amount);
    }
    const value = Number(deposit) + realised - paid + (held * close - cost) * direction;
    peak = Math.max(peak, value);
    const base = { type: 'equity', exchange, market, symbol, timestamp: time, localTimestamp: time } as const;
    equity.push({ ...base, equity: value, drawdownPct: ((peak - value) / peak) * 100 } as unknown as Equity);
  }
  return { equity, realised, fees: paid };
}

/** Returns the ladders of a run over time: those of its orders, cycle by cycle, until the last fill of each. */
export function laddersOf(orders: readonly OwnOrder[], fills: readonly FillRow[]): LevelSpan[] {
  const cycles = [...new Set(orders.map(({ cycle }) => cycle))].sort((a, b) => a - b);
  return cycles.flatMap((cycle): LevelSpan[] => {
    const own = orders.filter((order) => order.cycle === cycle && order.role === 'level');
    const times = fills.filter(({ clientId }) => parseClientId(clientId)?.cycle === cycle).map(({ timestamp }) => timestamp);
    const isOpen = cycle === cycles.at(-1);
    const prices = [...new Map(own.map(({ number, price }) => [number, Number(price)]))].sort(([a], [b]) => a - b);
    if (times.length === 0 || prices.length === 0) return [];
    const until = isOpen ? Number.POSITIVE_INFINITY : Math.max(...times);
    return [{ from: Math.min(...times), until, prices: prices.map(([, price]) => price) }];
  });
}
