import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PaperRun } from '../../../src/lib/backtest/paper-run.js';
import { type Signal, SignalStrategy } from '../../../src/lib/backtest/strategies/signals.js';
import { fundingCharges } from '../../../src/lib/backtest/study/funding-charges.js';
import { buildTerms } from '../../../src/lib/backtest/terms.js';
import type { Funding, Trade } from '../../../src/lib/model/records.js';
import { SECOND } from '../../../src/lib/model/time.js';
import { market, run, T0, ticks } from './support.js';

const NAMES = { exchange: 'bybit', market: 'linear', symbol: 'TESTUSDT' } as const;
const TERMS = buildTerms({
  deposit: 1000,
  makerFee: 0.001,
  takerFee: 0.002,
  latency: 0.3 * SECOND,
  tickSize: 0.1,
  lotSize: 0.01,
});
const NOTIONAL = 400;

const step = fc.tuple(fc.integer({ min: -12, max: 12 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 50 }));
const walk = fc.array(step, { minLength: 40, maxLength: 160 });
/** Seconds after the start, side, and distances in tenths of a per cent. */
const signalStep = fc.tuple(fc.nat(200), fc.boolean(), fc.integer({ min: 3, max: 30 }), fc.integer({ min: 1, max: 60 }));

/** Trades around 100; several may share one microsecond. */
function tradesOf(steps: readonly (readonly [number, number, number])[]): Trade[] {
  let [time, price] = [T0, 1000];
  return steps.map(([move, wait, amount], index) => {
    time += wait < 4 ? 0 : wait * 100_000;
    price = Math.max(700, price + move);
    const side = index % 3 === 0 ? 'buy' : 'sell';
    const id = String(index).padStart(5, '0');
    return { ...NAMES, type: 'trade', timestamp: time, localTimestamp: time + index, id, price: price / 10, amount, side };
  });
}

function signalsOf(steps: readonly (readonly [number, boolean, number, number])[]): Signal[] {
  return steps.map(([second, isLong, distance, timeout]) => {
    const away = (share: number) => 100 * (1 + (isLong ? share : -share) / 1000);
    return {
      knownTimestamp: T0 + second * SECOND,
      side: isLong ? 'buy' : 'sell',
      stop: away(-distance),
      takeProfit: away(2 * distance),
      trailingArm: away(distance),
      trailingDistance: distance / 2000,
      timeoutSeconds: timeout,
    };
  });
}

const MARKS = [3, 20, 21.5, 60, 150].map((second, index) => ({ time: T0 + second * SECOND, value: 100 + index }));
const FUNDINGS: readonly Funding[] = [0, 30, 59, 61].map((second) => ({
  ...NAMES,
  type: 'funding',
  timestamp: T0 + second * SECOND,
  rate: (second + 1) / 10_000,
  nextFundingTimestamp: T0 + (second < 60 ? 60 : 120) * SECOND,
}));

function batchOf(trades: readonly Trade[], signals: readonly Signal[]) {
  const end = (trades.at(-1) as Trade).timestamp + 1;
  const data = market(
    ticks(
      trades.map(({ timestamp, price, amount, side }) => [(timestamp - T0) / SECOND, price, amount, side ?? 'unknown'] as const),
    ),
    {
      marks: { time: Float64Array.from(MARKS, ({ time }) => time), value: Float64Array.from(MARKS, ({ value }) => value) },
      fundings: fundingCharges(FUNDINGS, end).series,
    },
  );
  return run(data, new SignalStrategy({ signals, notional: NOTIONAL, tickSize: 0.1 }), TERMS);
}

/** Delivers everything as it arrives live: trades and marks at once, each signal only when it is known, a step at a time. */
function paperOf(trades: readonly Trade[], signals: readonly Signal[], every: number): PaperRun {
  const paper = new PaperRun({ ...NAMES, terms: TERMS, notional: NOTIONAL });
  const end = (trades.at(-1) as Trade).timestamp + 1;
  // Trades of the next steps are there before the signals of this one.
  const early = 3 * every;
  for (let from = T0 - early; from < end; from += every) {
    const arrives = (time: number) => time - early >= from && time - early < from + every;
    const isKnown = ({ knownTimestamp: time }: Signal) => time >= from && time < from + every;
    for (const { time, value } of MARKS.filter((mark) => arrives(mark.time))) paper.addMark(time, value);
    for (const funding of FUNDINGS.filter(({ timestamp }) => arrives(timestamp))) paper.addFunding(funding);
    for (const trade of trades.filter(({ timestamp }) => arrives(timestamp)).reverse()) paper.addTrade(trade);
    for (const signal of signals.filter(isKnown)) paper.addSignal(signal);
    paper.release(Math.min(from + every, end));
  }
  return paper;
}

describe('signals on paper', () => {
  it('earn what the backtest of the same records earns, however the market arrives', () => {
    const cases = fc.property(
      walk,
      fc.array(signalStep, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 50 }),
      (steps, planned, every) => {
        const [trades, signals] = [tradesOf(steps), signalsOf(planned)];
        const whole = batchOf(trades, signals);
        const paper = paperOf(trades, signals, every * 100_000);
        const { result } = paper;
        const closed = whole.fills.filter(({ held }) => held === 0);
        expect(result.trades.map(({ until, reason }) => [until, reason])).toEqual(
          closed.map(({ time, reason }) => [time, reason]),
        );
        expect(result.fees).toBe(whole.account.fees);
        expect(result.net).toBeCloseTo((whole.equity.at(-1)?.equity ?? Number.NaN) - 1000, 9);
        expect(paper.late).toBe(0);
      },
    );
    fc.assert(cases, { seed: 20_261_129, numRuns: 80 });
  });

  it('hands on each fill once, and counts a trade that arrives after later ones were matched', () => {
    const trades = tradesOf(Array.from({ length: 30 }, (_, index) => [index % 2 ? 1 : -1, 10, 5] as const));
    const paper = new PaperRun({ ...NAMES, terms: TERMS, notional: NOTIONAL });
    const [signal] = signalsOf([[3, true, 30, 10]]);
    for (const trade of trades) paper.addTrade(trade);
    paper.addSignal(signal as Signal);
    const first = paper.release(T0 + 8 * SECOND);
    expect(first.map(({ reason, side }) => [reason, side])).toEqual([['entry', 'buy']]);
    expect(paper.result).toMatchObject({ signals: 1, open: 1, trades: [] });
    paper.addTrade({ ...(trades[2] as Trade), id: 'late', timestamp: T0 + 5 * SECOND });
    expect(paper.late).toBe(1);
    expect(paper.release(T0 + 40 * SECOND).map(({ reason }) => reason)).toEqual(['timeout']);
    expect(paper.release(T0 + 50 * SECOND)).toEqual([]);
    expect(paper.result).toMatchObject({ open: 0, trades: [{ reason: 'timeout' }] });
  });
});
