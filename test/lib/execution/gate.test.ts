import { expect, it } from 'vitest';
import { gateRefusal } from '../../../src/lib/execution/gate.js';
import type { OrderDraft } from '../../../src/lib/execution/messages.js';
import { initialState, type RunConfig, type RunState } from '../../../src/lib/execution/state.js';

const LIMITS = { maxDeposit: '100', maxOrders: 3, maxCyclesPerHour: 2, maxLoss: '50', maxDrawdown: '0.4' };
const CONFIG = { side: 'long', settle: 'USDT', leverage: '10', deposit: '100', limits: LIMITS } as RunConfig;
const AT = 10_000_000;
const initial = initialState({ tick: '0.01', lot: '0.01' }, 0);

const draft = (role: OrderDraft['role'], amount: string): OrderDraft => ({
  ...{ role, number: 1, side: 'buy', kind: 'limit', price: '100', amount },
  reduces: role === 'take_profit',
});

function refusal(state: Partial<RunState>, drafts: readonly OrderDraft[], others?: Parameters<typeof gateRefusal>[4]) {
  return gateRefusal({ ...initial, ...state }, CONFIG, drafts, AT, others);
}

const losing = (mark: string, peak = '0') => ({
  ...{ held: '10', cost: '1000', position: { amount: '10', mark } },
  books: { ...initial.books, peak },
});

it('lets through what fits every limit, and what only reduces whatever the limits', () => {
  expect(refusal({}, [draft('level', '10')])).toBeUndefined();
  expect(refusal(losing('90'), [draft('take_profit', '999')])).toBeUndefined();
});

it.each<[string, Partial<RunState>, readonly OrderDraft[], RegExp]>([
  ['margin', {}, [draft('level', '10.01')], /the margin of the ladder would be 100.1, the limit is 100/],
  ['the number of orders', {}, Array.from({ length: 4 }, () => draft('level', '1')), /4 orders would rest, the limit is 3/],
  ['cycles within an hour', { cycleStarts: [AT - 1_000, AT] }, [draft('entry', '1')], /2 cycles began within an hour/],
  ['loss', losing('95'), [draft('level', '0.01')], /the run has lost 50, the limit is 50/],
  ['drawdown', losing('101', '50'), [draft('level', '0.01')], /the drawdown is 40 % of the deposit/],
])('is the last to refuse by %s', (_, state, drafts, expected) => {
  expect(refusal(state, drafts)).toMatch(expected);
});

it('forgets cycles that began an hour ago, and does not count them for levels', () => {
  expect(refusal({ cycleStarts: [AT - 3_600_000, AT] }, [draft('entry', '1')])).toBeUndefined();
  expect(refusal({ cycleStarts: [AT - 1, AT] }, [draft('level', '1')])).toBeUndefined();
});

it('counts what other runs of the process bind', () => {
  const others = { margin: '95', limit: '100' };
  expect(refusal({}, [draft('level', '0.5')], others)).toBeUndefined();
  expect(refusal({}, [draft('level', '0.51')], others)).toMatch(/all runs together would be 100.1, the limit is 100/);
});
