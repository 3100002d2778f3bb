import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { figuresOf } from '../../src/commands/grid/run/status-text.js';
import { netOf } from '../../src/lib/execution/orders.js';
import { initialState, type RunConfig } from '../../src/lib/execution/state.js';
import { createRunStore } from '../../src/lib/execution/store/sqlite-store.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-grid-status-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CONFIG = { name: 'eth', settle: 'USDT', side: 'long', leverage: '5' } as RunConfig;
const state = initialState({ tick: '0.01', lot: '0.01' }, 0);
const DAY_MS = 86_400_000;

function figures(firstStart: number | undefined) {
  const books = { ...state.books, cycles: 6 };
  return figuresOf({ config: CONFIG, state: { ...state, books }, heartbeat: undefined, firstStart, isRunning: false });
}

it('counts restarts per day from the first start of the run, not from its current cycle', () => {
  expect(figures(Date.now() - 3 * DAY_MS).restarts_per_day).toBe(2);
  expect(figures(Date.now() - DAY_MS / 48).restarts_per_day).toBeUndefined();
  expect(figures(undefined).restarts_per_day).toBeUndefined();
});

it('knows from the journal when the run was first started', async () => {
  const store = await createRunStore(join(folder, 'run'), CONFIG);
  expect(store.firstStart).toBeUndefined();
  const before = Date.now();
  for (const starts of [['aaa'], ['aaa', 'bbb']])
    store.commit({ state: { ...state, starts }, intents: [], orders: [], fills: [], outbox: [] });
  const first = store.firstStart as number;
  expect(first).toBeGreaterThanOrEqual(before);
  store.commit({ state: { ...state, starts: ['ccc'] }, intents: [], orders: [], fills: [], outbox: [] });
  expect(store.firstStart).toBe(first);
  store.close();
});

it('takes no fee of another coin for money of the settlement', () => {
  const books = { ...state.books, realised: '10', fees: { USDT: '0.3', BGB: '4' } };
  expect(netOf(books, CONFIG).toString()).toBe('9.7');
});
