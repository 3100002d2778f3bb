import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RepairJob, RepairLimits } from '../../../../src/lib/capture/repair/repair-job.js';
import { TradeFilter } from '../../../../src/lib/capture/repair/trade-filter.js';
import type { TradeRepair } from '../../../../src/lib/capture/repair/trade-repair.js';
import { Statistics } from '../../../../src/lib/capture/statistics.js';
import { compareTrades } from '../../../../src/lib/model/order.js';
import type { Gap, Trade } from '../../../../src/lib/model/records.js';
import { SECOND } from '../../../../src/lib/model/time.js';
import { FEED, type List, type Outcome, play, type Scenario } from '../../../support/repair-scenario.js';
import { samples } from '../../../support/samples.js';

const LIMITS: RepairLimits = {
  hold: 15 * SECOND,
  within: 60 * SECOND,
  settle: 2 * SECOND,
  most: 3_600 * SECOND,
  records: 10_000,
};
const LIST: List = { size: 1_000, pageSize: 1_000, lag: 0, isRounded: false };
const PLAIN: Scenario = {
  pauses: Array.from({ length: 200 }, () => 100),
  losses: [{ at: 5_050, lasts: 3_000 }],
  lists: [LIST],
  snapshot: 0,
  delay: 0,
  latency: 20,
  failsEvery: 1_000_000,
  limits: LIMITS,
  remembered: 250,
  rest: 5_000,
};

const tradesOf = ({ output }: Outcome) => output.filter((record): record is Trade => record.type === 'trade');
const gapsOf = ({ output }: Outcome) => output.filter((record): record is Gap => record.type === 'gap');
const ids = (trades: readonly Trade[]) => trades.map(({ id }) => id);

/** Trades that are neither given nor within a gap that says that something is missing. */
function lost(outcome: Outcome): Trade[] {
  const given = new Set(ids(tradesOf(outcome)));
  const holes = gapsOf(outcome).filter(({ missing }) => missing);
  const first = outcome.truth[0]?.timestamp ?? 0;
  return outcome.truth.filter(
    ({ id, timestamp }) =>
      timestamp > first &&
      !given.has(id) &&
      !holes.some(({ fromTimestamp, untilTimestamp }) => timestamp >= fromTimestamp && timestamp <= untilTimestamp),
  );
}

describe('repair of trades', () => {
  it('corrects a gap that was reported while the trade after a silence was checked, and turned out to lack nothing', () => {
    const pauses = [...Array.from({ length: 50 }, () => 100), 20_000, ...Array.from({ length: 50 }, () => 200)];
    const limits = { ...LIMITS, hold: SECOND };
    const outcome = play({ ...PLAIN, pauses, limits, losses: [{ at: 6_000, lasts: 1_000 }], latency: 3_000 });
    expect(ids(tradesOf(outcome))).toEqual(ids(outcome.truth));
    expect(gapsOf(outcome).map(({ missing }) => missing)).toEqual([false, true, false]);
    const [, reported, corrected] = gapsOf(outcome) as [Gap, Gap, Gap];
    expect(corrected.fromTimestamp).toBeLessThanOrEqual(reported.fromTimestamp);
    expect(corrected.untilTimestamp).toBeGreaterThanOrEqual(reported.untilTimestamp);
    expect(outcome.statistics).toMatchObject({ missingGaps: 0, incomplete: false });
  });

  it('gives the gap, then what was missing, then what came after it', () => {
    const outcome = play(PLAIN);
    const [gap] = gapsOf(outcome);
    expect(gapsOf(outcome)).toHaveLength(1);
    expect(gap).toMatchObject({ channel: 'trade', reason: 'disconnect', repaired: 30, missing: false });
    expect(ids(tradesOf(outcome))).toEqual(ids(outcome.truth));
    const at = outcome.output.indexOf(gap as Gap);
    const missing = outcome.output.slice(at + 1, at + 31) as Trade[];
    expect(missing.every(({ localTimestamp }) => localTimestamp === undefined)).toBe(true);
    expect((outcome.output[at + 31] as Trade).localTimestamp).toBeDefined();
  });

  it('gives nothing twice where a repair gave more than is remembered, in time or long after', () => {
    const losses = [
      { at: 5_050, lasts: 3_000 },
      { at: 9_600, lasts: 300 },
    ];
    const plain = { ...PLAIN, losses, remembered: 10, latency: 1_200 };
    for (const hold of [15 * SECOND, SECOND]) {
      const outcome = play({ ...plain, limits: { ...LIMITS, hold } });
      expect(ids(tradesOf(outcome)).sort()).toEqual(ids(outcome.truth));
      expect(lost(outcome)).toEqual([]);
    }
  });

  it('asks again while the answers lag behind the connection', () => {
    const outcome = play({ ...PLAIN, lists: [{ ...LIST, lag: 2_500 }] });
    expect(gapsOf(outcome)).toMatchObject([{ missing: false, repaired: 30 }]);
    expect(ids(tradesOf(outcome))).toEqual(ids(outcome.truth));
    expect(outcome.requests).toBeGreaterThan(2);
  });

  it('needs no request where the connection itself tells all that was missing', () => {
    const outcome = play({ ...PLAIN, snapshot: 50 });
    expect(gapsOf(outcome)).toMatchObject([{ missing: false, repaired: 30 }]);
    expect(ids(tradesOf(outcome))).toEqual(ids(outcome.truth));
    expect(outcome.requests).toBe(0);
  });

  it('says what remains of a hole that is longer than what the exchange gives, and stores the rest', () => {
    const outcome = play({ ...PLAIN, lists: [{ ...LIST, size: 12 }] });
    const [gap] = gapsOf(outcome) as [Gap];
    expect(gapsOf(outcome)).toHaveLength(1);
    expect(gap.missing).toBe(true);
    expect(gap.repaired).toBeGreaterThan(5);
    expect(gap.untilTimestamp - gap.fromTimestamp).toBeLessThan(3 * SECOND);
    expect(lost(outcome)).toEqual([]);
    expect(tradesOf(outcome)).toHaveLength(outcome.truth.length - 30 + gap.repaired);
  });

  it('keeps a rounded time from falling behind the trade before it', () => {
    const outcome = play({ ...PLAIN, lists: [{ ...LIST, isRounded: true }] });
    const trades = tradesOf(outcome);
    expect(trades).toEqual([...trades].sort(compareTrades));
    expect(ids(trades)).toEqual(ids(outcome.truth));
  });

  it('gives up when nothing answers, lets go of what it held back, and tells the whole hole', () => {
    const outcome = play({ ...PLAIN, failsEvery: 1, rest: 70_000 });
    expect(gapsOf(outcome)).toMatchObject([{ missing: true, repaired: 0 }]);
    expect(tradesOf(outcome)).toHaveLength(outcome.truth.length - 30);
    expect(outcome.longestHold).toBeLessThanOrEqual(15 * SECOND + 20_000);
    expect(outcome.statistics).toMatchObject({ missingGaps: 1, repairedGaps: 0, repairedTrades: 0 });
  });

  it('tells a hole as one that remains when the clock can wait no longer, and takes it back when it is repaired later', () => {
    const limits = { ...LIMITS, hold: 2 * SECOND };
    const outcome = play({ ...PLAIN, limits, losses: [{ at: 5_050, lasts: 1_000 }], lists: [{ ...LIST, lag: 4_000 }] });
    expect(gapsOf(outcome)).toMatchObject([
      { missing: true, repaired: 0 },
      { missing: false, repaired: 10 },
    ]);
    const [told, whole] = gapsOf(outcome) as [Gap, Gap];
    expect(whole.fromTimestamp).toBeLessThanOrEqual(told.fromTimestamp);
    expect(whole.untilTimestamp).toBeGreaterThanOrEqual(told.untilTimestamp);
    expect(new Set(ids(tradesOf(outcome))).size).toBe(outcome.truth.length);
    expect(outcome.statistics).toMatchObject({ missingGaps: 0, repairedGaps: 1, repairedTrades: 10 });
  });

  it('takes the word of a late answer for a silent symbol, and looks again when it speaks', () => {
    const pauses = [...Array.from({ length: 50 }, () => 100), 1_000, 20_000, 100, 100];
    const outcome = play({
      ...PLAIN,
      pauses,
      losses: [{ at: 5_500, lasts: 2_000 }],
      lists: [{ ...LIST, lag: 5_000 }],
      rest: 20_000,
    });
    expect(new Set(ids(tradesOf(outcome)))).toEqual(new Set(ids(outcome.truth)));
    expect(gapsOf(outcome).map(({ missing, repaired }) => [missing, repaired])).toEqual([
      [false, 0],
      [false, 1],
    ]);
  });

  it('fetches nothing twice, however much came live meanwhile', () => {
    const pauses = [...Array.from({ length: 40 }, () => 25), ...Array.from({ length: 1_500 }, () => 2), 4_000];
    const lists = [{ ...LIST, size: 3_000, pageSize: 3_000, lag: 4_000, isRounded: true }];
    const outcome = play({ ...PLAIN, pauses, losses: [{ at: 990, lasts: 100 }], lists, rest: 20_000 });
    expect(ids(tradesOf(outcome))).toEqual(ids(outcome.truth));
    expect(gapsOf(outcome)).toMatchObject([{ missing: false }]);
  });

  it('makes one hole of a feed that is lost again before it is repaired', () => {
    const losses = [
      { at: 5_050, lasts: 1_000 },
      { at: 6_250, lasts: 1_000 },
    ];
    const outcome = play({ ...PLAIN, losses, lists: [{ ...LIST, lag: 500 }] });
    expect(gapsOf(outcome)).toMatchObject([{ missing: false, repaired: 20 }]);
    expect(ids(tradesOf(outcome))).toEqual(ids(outcome.truth));
  });

  const list = fc.record({
    size: fc.integer({ min: 1, max: 150 }),
    pageSize: fc.integer({ min: 5, max: 60 }),
    lag: fc.constantFrom(0, 0, 100, 700, 3_000, 30_000),
    isRounded: fc.boolean(),
  });
  const scenario: fc.Arbitrary<Scenario> = fc.record({
    pauses: fc.array(fc.constantFrom(0, 1, 7, 40, 40, 130, 600, 2_500), { minLength: 1, maxLength: 150 }),
    losses: fc
      .array(fc.tuple(fc.integer({ min: 300, max: 6_000 }), fc.integer({ min: 50, max: 6_000 })), { maxLength: 4 })
      .map((spans) => {
        let at = 0;
        return spans.map(([pause, lasts]) => {
          const loss = { at: at + pause, lasts };
          at = loss.at + lasts;
          return loss;
        });
      }),
    lists: fc.array(list, { minLength: 1, maxLength: 2 }),
    snapshot: fc.constantFrom(0, 0, 3, 20, 100),
    delay: fc.constantFrom(0, 0, 60, 700),
    latency: fc.constantFrom(10, 50, 900),
    failsEvery: fc.constantFrom(1, 2, 5, 1_000),
    limits: fc.record({
      hold: fc.constantFrom(SECOND, 4 * SECOND, 15 * SECOND),
      within: fc.constantFrom(3 * SECOND, 40 * SECOND),
      settle: fc.constantFrom(SECOND, 3 * SECOND),
      most: fc.constantFrom(2 * SECOND, 3_600 * SECOND),
      records: fc.constantFrom(5, 40, 10_000),
    }),
    remembered: fc.constantFrom(30, 250),
    rest: fc.constantFrom(0, 500, 20_000),
  });

  it('gives every trade exactly once, or within a gap that says that something is missing (property)', () => {
    fc.assert(
      fc.property(scenario, (options) => {
        const outcome = play(options);
        const trades = tradesOf(outcome);
        expect(ids(trades)).toHaveLength(new Set(ids(trades)).size);
        const last = outcome.output.findLast((record) => record.type === 'trade' && record.localTimestamp !== undefined);
        // What an answer did not know yet when it was taken for all there was comes to light with the next trade.
        const mayDoubt = options.lists.some(({ lag }) => lag * 1_000 > options.limits.settle);
        const isLate = ({ timestamp }: Trade) => mayDoubt && timestamp > (last?.timestamp ?? 0);
        expect(lost(outcome).filter((trade) => !isLate(trade))).toEqual([]);
        if (gapsOf(outcome).every(({ missing }) => !missing)) expect(trades).toEqual([...trades].sort(compareTrades));
        expect(outcome.longestHold).toBeLessThanOrEqual(options.limits.hold + 20_000);
        for (const { fromTimestamp, untilTimestamp, timestamp } of gapsOf(outcome)) {
          expect(fromTimestamp).toBeLessThanOrEqual(untilTimestamp);
          expect(timestamp).toBe(untilTimestamp);
        }
        const remaining = gapsOf(outcome).filter(({ missing }) => missing).length;
        expect(outcome.statistics.missingGaps).toBeLessThanOrEqual(remaining);
        expect(outcome.statistics.repairedTrades).toBe(trades.filter((trade) => trade.localTimestamp === undefined).length);
      }),
      { numRuns: samples(800) },
    );
  });
});

describe('what a killed run may lack', () => {
  const at = (place: number): Trade => {
    const id = String(1_000 + place);
    const timestamp = (1_700_000_000 + place / 10) * SECOND;
    return { type: 'trade', ...FEED, timestamp, id, sequence: id, price: 1, amount: 1, side: 'buy' };
  };
  const places = (from: number, until: number) => Array.from({ length: until - from }, (_, index) => at(from + index));
  const now = at(50).timestamp;

  /** A run that goes on after trades 0 to 39, of which the feed of the run before did not deliver 20 to 23. */
  function resumed() {
    const filter = new TradeFilter({
      limits: LIMITS,
      statistics: new Statistics(),
      time: () => now,
      emit: (record, records) => records.push(record),
      emitFetched: (record, records) => records.push(record),
    });
    filter.resume(FEED, [...places(0, 20), ...places(24, 40)], now);
    filter.returned(FEED, now);
    const repair = filter.repair as TradeRepair;
    const job = () => repair.jobs(now + SECOND, 1)[0] as RepairJob;
    return { filter, repair, job };
  }
  const covered = (trades: readonly Trade[]) => ({ from: trades[0]?.timestamp ?? 0, until: now + SECOND });

  it('is looked for before its last trade, in pages that the proof of the gap does not need, and begins the gap', () => {
    const { filter, repair, job: next } = resumed();
    const job = next();
    expect(job.from).toBeLessThan(at(0).timestamp);
    repair.hold(FEED, { ...at(50), localTimestamp: now }, now + SECOND);
    const [newest, older] = [places(35, 51), places(0, 36)];
    expect(repair.takePage(job, { records: newest, covered: covered(newest) }, true)).toBe(true);
    expect(filter.flush([])).toEqual([]);
    expect(repair.takePage(job, { records: older, covered: covered(older) }, false)).toBe(false);
    const [gap, ...trades] = filter.flush([]) as [Gap, ...Trade[]];
    expect(ids(trades)).toEqual(ids([...places(20, 24), ...places(40, 51)]));
    expect(gap).toMatchObject({ reason: 'shutdown', missing: false, repaired: 14, fromTimestamp: at(20).timestamp });
  });

  it('holds up nothing where the exchange serves no more: the gap is as complete as its proof', () => {
    const { filter, repair, job: next } = resumed();
    const job = next();
    repair.hold(FEED, { ...at(50), localTimestamp: now }, now + SECOND);
    const newest = places(30, 51);
    repair.takePage(job, { records: newest, covered: covered(newest), isExhausted: true }, true);
    repair.jobEnded(job, false, now + SECOND);
    const [gap] = filter.flush([]) as [Gap];
    expect(gap).toMatchObject({ missing: false, repaired: 10, fromTimestamp: at(39).timestamp });
  });

  it('is no reason to wait where the first messages of the connection prove the gap', () => {
    const { filter } = resumed();
    filter.addSnapshot(FEED, places(38, 51), now);
    expect(filter.flush([])).toHaveLength(12);
  });
});
