import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Execution } from '../../../src/lib/backtest/ledger.js';
import { GridStrategy } from '../../../src/lib/backtest/strategies/grid.js';
import { createGridPlanner } from '../../../src/lib/backtest/strategies/grid-planner.js';
import type { Broker } from '../../../src/lib/backtest/strategy.js';

const planner = createGridPlanner({
  ...{ side: 'long', leverage: '10', levels: 5, coverage: '0.08', multiplier: '1.5', takeProfit: '0.02' },
  ...{ spacing: 'arithmetic', sizing: 'full', marginMode: 'isolated', limits: { tickSize: '0.01', lotSize: '0.01' } },
});
const options = { planner, side: 'long', restart: 60_000_000, fixedDeposit: 1000 } as const;

type Happening =
  | { readonly kind: 'opens'; readonly level: number; readonly share: number }
  | { readonly kind: 'closes'; readonly share: number }
  | { readonly kind: 'refused'; readonly isDeferred: boolean }
  | { readonly kind: 'woken'; readonly price: number };

const happenings = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('opens' as const), level: fc.nat(4), share: fc.constantFrom(0.25, 0.5, 1) }),
    fc.record({ kind: fc.constant('closes' as const), share: fc.constantFrom(0.5, 1, 1) }),
    fc.record({ kind: fc.constant('refused' as const), isDeferred: fc.boolean() }),
    fc.record({ kind: fc.constant('woken' as const), price: fc.constantFrom(95, 100, 104.5) }),
  ),
  { maxLength: 25 },
);

/** Plays what happens; before each of the `restored` steps the strategy is replaced by one made of its snapshot. */
function played(events: readonly Happening[], restored: ReadonlySet<number>): string[] {
  const log: string[] = [];
  let [held, time, price, orders] = [0, 0, 100, 0];
  const broker: Broker = {
    get now() {
      return time;
    },
    get price() {
      return price;
    },
    equity: 1000,
    balance: 1000,
    held: () => ({ amount: held, averagePrice: price }),
    orders: [],
    place: (request) => {
      log.push(`place ${JSON.stringify(request)}`);
      orders += 1;
      return orders;
    },
    cancel: (order) => log.push(`cancel ${order}`),
    cancelAll: () => log.push('cancel all'),
    wakeAt: (at) => log.push(`wake at ${at}`),
  };
  let strategy = new GridStrategy(options);
  strategy.start(broker);
  const fill = (amount: number, at: number, opens: boolean): Execution => ({
    ...{ time, order: 0, side: opens ? 'buy' : 'sell', position: 'long', price: at, amount, fee: 0, maker: true },
    ...{ reason: opens ? 'level' : 'take_profit', realized: 0, held, opens },
  });
  for (const [index, event] of events.entries()) {
    // As the journal does: the snapshot has been text meanwhile.
    if (restored.has(index)) strategy = new GridStrategy({ ...options, from: JSON.parse(JSON.stringify(strategy.snapshot())) });
    time += 1_000_000;
    if (event.kind === 'woken') {
      price = event.price;
      strategy.woken(broker);
    } else if (event.kind === 'refused') {
      const order = { position: 'long', side: 'buy', amount: 1, reason: 'level', opens: true } as const;
      strategy.refused(order, broker, { cause: 'funds', isDeferred: event.isDeferred });
    } else if (event.kind === 'opens') {
      const amount = Math.round(event.share * 400) / 100;
      held = Math.round((held + amount) * 100) / 100;
      strategy.filled(fill(amount, price - event.level, true), broker);
    } else if (held > 0) {
      const amount = event.share === 1 ? held : Math.floor(held * 50) / 100;
      held = Math.round((held - amount) * 100) / 100;
      if (amount > 0) strategy.filled(fill(amount, price + 2, false), broker);
    }
  }
  return [...log, JSON.stringify(strategy.figures()), ...strategy.notes()];
}

it('a grid made of the snapshot of another decides as that one, whatever has happened to it', () => {
  fc.assert(
    fc.property(happenings, fc.uniqueArray(fc.nat(24)), (events, restored) => {
      expect(played(events, new Set(restored))).toEqual(played(events, new Set()));
    }),
    { numRuns: Number(process.env.MDTOOL_SNAPSHOT_RUNS ?? 150) },
  );
});
