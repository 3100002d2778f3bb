import { describe, expect, it } from 'vitest';
import { due } from '../../../src/lib/execution/due.js';
import { initialState, type OwnOrder, type RunConfig, type RunState } from '../../../src/lib/execution/state.js';
import { step } from '../../../src/lib/execution/step.js';

const CONFIG = {
  ...{ name: 'eth', id: 'abc123', exchange: 'bybit', market: 'linear', symbol: 'ETHUSDT', settle: 'USDT', mode: 'demo' },
  ...{ account: 'main', side: 'long', leverage: '5', deposit: '100', limits: { maxCyclesPerHour: 6 } },
} as RunConfig;
const pushed: RunState = {
  ...initialState({ tick: '0.01', lot: '0.01' }, 0),
  hasPushes: true,
  unpushedSince: 5,
  needsClock: true,
};

it('a process that starts has got no push yet: its first fills come over REST, and nothing is missing', () => {
  const { state } = step(pushed, CONFIG, { kind: 'started', code: 'aaa', resume: false, at: 10, time: 10 });
  expect([state.hasPushes, state.unpushedSince]).toEqual([false, undefined]);
});

it('a clock that was measured again says nothing of pushes', () => {
  const { state } = step(pushed, CONFIG, { kind: 'clock', at: 10, time: 10 });
  expect([state.hasPushes, state.unpushedSince, state.needsClock]).toEqual([true, 5, false]);
});

it('what orders must fit is read again every hour of a cycle, and after a refusal for price or amount (S45, S46)', () => {
  const plan = { price: '100', deposit: '100', levels: [], at: 0 };
  const state: RunState = { ...initialState({ tick: '0.01', lot: '0.01' }, 0), plan, cycle: 1, isStarting: false };
  const isDue = (one: RunState, at: number) => due(one, CONFIG, at).some(({ kind }) => kind === 'plan');
  expect(isDue(state, 10)).toBe(true);
  const asked = step(state, CONFIG, { kind: 'asked', action: { kind: 'plan' }, at: 10, time: 10 }).state;
  expect(isDue(asked, 20)).toBe(false);
  const read = step(asked, CONFIG, { kind: 'planned', rules: { tick: '0.1', lot: '0.01' }, at: 30, time: 30 });
  expect([read.state.rules.tick, read.commit?.outbox.length, isDue(read.state, 40)]).toEqual(['0.1', 1, false]);
  expect([isDue(read.state, 3_599_000), isDue(read.state, 3_600_030)]).toEqual([false, true]);
});

it('the clocks are compared every 10 minutes; an offset is over when it is well below 1 s', () => {
  const begin = { ...initialState({ tick: '0.01', lot: '0.01' }, 0) };
  const { state } = step(begin, CONFIG, { kind: 'started', code: 'aaa', resume: false, offset: -3_000, at: 10, time: 1e12 });
  expect(Object.keys(state.alarms)).toEqual(['clock_offset']);
  const isDue = (at: number) => due(state, CONFIG, at).some(({ kind }) => kind === 'clock');
  expect([isDue(600_009), isDue(600_010)]).toEqual([false, true]);
  const measured = step(state, CONFIG, { kind: 'clock', offset: 900, at: 20, time: 1e12 }).state;
  expect(Object.keys(measured.alarms)).toEqual(['clock_offset']);
  expect(step(measured, CONFIG, { kind: 'clock', offset: 700, at: 30, time: 1e12 + 61_000 }).commit?.outbox).toMatchObject([
    { record: { kind: 'cleared', message: 'clock_offset cleared after 1m 1s' } },
  ]);
});

describe('an order that no list shows', () => {
  const order = (more: Partial<OwnOrder>): OwnOrder => ({
    ...{
      clientId: 'm-abc123-aaa-1-L01-0',
      cycle: 1,
      role: 'level',
      number: 1,
      attempt: 0,
      side: 'buy',
      kind: 'limit',
      price: '99',
    },
    ...{ amount: '1', reduces: false, sent: 1_000, state: 'accepted', status: 'new', filled: '0', fillSum: '0', at: 1_000 },
    heardAt: 1_000,
    ...more,
  });
  const holding = (own: OwnOrder): RunState => ({
    ...initialState({ tick: '0.01', lot: '0.01' }, 0),
    ...{ isStarting: false, cycle: 1, starts: ['aaa'], orders: [own] },
  });
  const config = { ...CONFIG, window: 5_000 };
  const LISTS = ['detail', 'open', 'history', 'fills'];
  const looked = (state: RunState, at: number, time: number) =>
    step(state, config, {
      ...({ kind: 'looked', clientId: 'm-abc123-aaa-1-L01-0', at, time } as const),
      answers: LISTS.map(() => ({ answered: true, time: time * 1_000 })),
    }).state;

  it('is not even looked up within the first five seconds: lists are behind (S3)', () => {
    const read = (asked: number) =>
      step(holding(order({})), config, { kind: 'read', what: 'open', asked, orders: [], at: asked + 100, time: asked + 100 });
    expect(read(5_900).state.orders[0]?.search).toBeUndefined();
    expect(read(6_100).state.orders[0]?.search).toBeDefined();
  });

  it('is absent only when all lists have said so twice, two seconds apart, after its timestamp was too old (S3, I13)', () => {
    const unknown = holding(order({ state: 'unknown', status: 'unknown' }));
    const early = [3_000, 6_000, 9_000].reduce((state, at) => looked(state, at, at), unknown);
    expect(early.orders[0]).toMatchObject({ state: 'unknown', search: { rounds: 0 } });
    const once = looked(early, 12_000, 12_000);
    expect(once.orders[0]).toMatchObject({ state: 'unknown', search: { rounds: 1 } });
    expect(looked(once, 13_000, 13_000).orders[0]?.state).toBe('unknown');
    expect(looked(once, 14_000, 14_000).orders[0]?.state).toBe('absent');
  });
});
