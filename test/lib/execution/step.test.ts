import { expect, it } from 'vitest';
import { initialState, type RunConfig, type RunState } from '../../../src/lib/execution/state.js';
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
