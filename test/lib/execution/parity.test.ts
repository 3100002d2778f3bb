import { beforeEach, describe, expect, it } from 'vitest';
import { runBacktest } from '../../../src/lib/backtest/engine.js';
import { emptyTimedValues, TAKER } from '../../../src/lib/backtest/market-data.js';
import { GridStrategy } from '../../../src/lib/backtest/strategies/grid.js';
import { createGridPlanner } from '../../../src/lib/backtest/strategies/grid-planner.js';
import { buildTerms } from '../../../src/lib/backtest/terms.js';
import { PaperVenue } from '../../../src/lib/execution/live/paper-venue.js';
import { Runner } from '../../../src/lib/execution/live/runner.js';
import type { RunConfig } from '../../../src/lib/execution/state.js';
import { MemoryRunStore } from '../../../src/lib/execution/store/memory-store.js';
import type { RunStore } from '../../../src/lib/execution/store/run-store.js';
import { seeded } from '../../support/random.js';
import { ALL_KINDS, isLeftToSoak, type RunKind, RunSession } from '../../support/run-session.js';

/** A price holds for so long that a run comes to rest at it, with a trade every few seconds. */
const HOLDS = 24_000;
const EVERY = 3_000;
/** The next cycle begins in the middle of a price, not at its edge. */
const RESTART = 60_000;
const PRICES = 14;

/** Prices that jump over none, one or several levels and over the take profit; never below where a whole ladder ends. */
function pricesOf(seed: number): string[] {
  const random = seeded(seed);
  const jumps = Array.from({ length: PRICES }, () => (96 + random() * 8).toFixed(2));
  return ['100.00', ...jumps, jumps.at(-1) as string, jumps.at(-1) as string, jumps.at(-1) as string];
}

type Tape = readonly { readonly at: number; readonly price: string }[];

function tapeOf(seed: number): Tape {
  return pricesOf(seed).flatMap((price, index) =>
    Array.from({ length: HOLDS / EVERY }, (_, trade) => ({ at: index * HOLDS + trade * EVERY, price })),
  );
}

const line = (side: string, amount: string | number, price: string | number, fee: string | number) =>
  `${side} ${Number(amount)} @ ${Number(price)} fee ${Number(fee).toFixed(7)}`;

/** What a run is made of, the same for all three. */
function sessionOf(kind: RunKind, side: 'long' | 'short', latency: number): RunSession {
  const ladder = { leverage: '10', levels: 5, coverage: '0.08', multiplier: '1.5', takeProfit: '0.02' } as const;
  const settings = { side, ...ladder, spacing: 'arithmetic', sizing: 'full', marginMode: 'cross' } as const;
  return new RunSession(kind, {
    latency: 0,
    config: { side, settings, marginMode: 'cross', restart: RESTART },
    accounts: { latency, liquidity: 'last', fill: 'touch', paysFunding: false },
    account: { marginMode: 'cross' },
  });
}

function termsOf({ owner, rules }: RunSession, latency: number) {
  return buildTerms({
    ...{ deposit: 10_000, leverage: 10, marginMode: 'cross', fill: 'touch', latency: latency * 1_000 },
    ...{ makerFee: owner.makerFee.toNumber(), takerFee: owner.takerFee.toNumber() },
    ...{ tickSize: Number(rules.tick), lotSize: Number(rules.lot), minAmount: Number(rules.minAmount) },
  });
}

function backtested(tape: Tape, session: RunSession, latency: number): string[] {
  const { settings, side } = session.store.config;
  const { tick, lot, ...limits } = session.rules;
  const planner = createGridPlanner({ ...settings, limits: { ...limits, tickSize: tick, lotSize: lot } });
  const { fills } = runBacktest(
    {
      ...{ exchange: 'bybit', market: 'linear', symbol: 'ETHUSDT', marks: emptyTimedValues(), fundings: emptyTimedValues() },
      ...{ gaps: [], books: [] },
      feed: {
        kind: 'trades',
        time: Float64Array.from(tape, ({ at }) => at * 1_000),
        price: Float64Array.from(tape, ({ price }) => Number(price)),
        amount: Float64Array.from(tape, () => 1_000),
        taker: Uint8Array.from(tape, () => TAKER.sell),
      },
    },
    {
      strategy: new GridStrategy({ planner, side, restart: RESTART * 1_000, fixedDeposit: 1_000 }),
      ...{ terms: termsOf(session, latency), path: 'high-first', sample: 3_600_000_000 },
    },
  );
  return fills.map((fill) => line(fill.side, fill.amount, fill.price, fill.fee));
}

function booked(store: RunStore): string[] {
  const sorted = [...store.fills()].sort((a, b) => a.timestamp - b.timestamp);
  return sorted.map(({ side, amount, price, fees }) => line(side, amount, price, fees[0]?.amount ?? '0'));
}

async function traded(tape: Tape, session: RunSession): Promise<string[]> {
  session.start();
  for (const { price } of tape) {
    session.move(price);
    await session.pass(EVERY);
  }
  expect([session.faults, session.ended]).toEqual([[], undefined]);
  session.settle();
  return booked(session.store);
}

/** The paper desk of the same run, in the time of the session. */
async function onPaper(tape: Tape, session: RunSession, latency: number): Promise<string[]> {
  const { wire, desk, rules } = session;
  const config: RunConfig = { ...session.store.config, mode: 'paper', window: 0 };
  const store = new MemoryRunStore(config);
  const venue = new PaperVenue({
    ...{ config, terms: termsOf(session, latency), now: () => desk.now(), rules: async () => ({ rules }) },
    trades: { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) },
  });
  const runner = new Runner({ store, venue, rules, code: 'aaa', timing: wire.timing });
  const ended = runner.run();
  for (const { price } of tape) {
    venue.trade({ timestamp: desk.now() * 1_000, price: Number(price), amount: 1_000, side: 'sell' });
    for (const until = desk.now() + EVERY; desk.now() < until; ) await wire.jump(Math.min(250, until - desk.now()));
  }
  runner.stop('keep');
  await session.during(ended);
  return booked(store);
}

const CASES = [
  [1, 'long', 0],
  [2, 'short', 0],
  [3, 'long', 700],
] as const;
/** `MDTOOL_PARITY_SEEDS=100` tries more than the suite has time for. */
const MORE = Array.from(
  { length: Number(process.env.MDTOOL_PARITY_SEEDS ?? 0) },
  (_, seed) => [seed + 10, seed % 2 === 0 ? 'long' : 'short', [0, 300, 1_500][seed % 3] as number] as const,
);

describe.each(ALL_KINDS.map((kind) => ({ kind })))('one tape of trades on $kind', ({ kind }) => {
  beforeEach(({ skip, task }) => {
    if (isLeftToSoak(kind, task.name)) skip();
  });

  // Latency is not the protocol's: one kind shows it.
  it.each([...CASES.filter(([, , latency]) => latency === 0 || kind[0] === 'bybit'), ...MORE])(
    'seed %i, %s, latency %i ms: backtest, paper and exchange have the same fills',
    async (seed, side, latency) => {
      const tape = tapeOf(seed);
      const expected = backtested(tape, sessionOf(kind, side, latency), latency);
      // Several cycles, with levels in some of them: a tape on which nothing happens proves nothing.
      expect(expected.length).toBeGreaterThan(3);
      expect(expected.filter((text) => text.startsWith(side === 'long' ? 'sell' : 'buy')).length).toBeGreaterThan(0);
      expect(await traded(tape, sessionOf(kind, side, latency))).toEqual(expected);
      expect(await onPaper(tape, sessionOf(kind, side, latency), latency)).toEqual(expected);
    },
    60_000,
  );
});
