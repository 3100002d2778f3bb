import fc from 'fast-check';
import type { AnyRecord, Clock, Gap, Trade } from '../../src/lib/model/records.js';
import { SECOND } from '../../src/lib/model/time.js';

const IDENTITY = { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT' } as const;
const START = 1_786_310_817_000_000;

/** One trade as drawn: how long after the one before, at what price and amount, how long under way. */
type Draw = {
  step: number;
  price: number;
  lots: number;
  buys: boolean;
  latency: number;
  sequence: number | undefined;
  late: boolean;
};

const draw: fc.Arbitrary<Draw> = fc.record({
  // A third of the trades share the time of the one before; some come after seconds of silence.
  step: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 9_000 })),
  price: fc.integer({ min: 651_100, max: 651_199 }),
  lots: fc.integer({ min: 1, max: 5_000 }),
  buys: fc.boolean(),
  latency: fc.integer({ min: 0, max: 900_000 }),
  sequence: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined, freq: 3 }),
  late: fc.integer({ min: 0, max: 19 }).map((number) => number === 0),
});

/** What a step reads: records by arrival, and what makes it up. */
export type TradeSequence = {
  readonly records: readonly AnyRecord[];
  readonly trades: readonly Trade[];
  readonly gaps: readonly Gap[];
};

type SequenceOptions = { readonly late: boolean; readonly gap: 'none' | 'missing' | 'repaired'; readonly clock: boolean };

/**
 * Sequences of up to 60 trades with ties in time and sequence, arriving out of order within 0.9 s (`late`: some 3 to 8 s
 * after their time), with a gap whose trades are missing or fetched again, and with a clock every second.
 */
export function tradeSequences({ late, gap, clock }: SequenceOptions): fc.Arbitrary<TradeSequence> {
  const draws = fc.array(draw, { minLength: 1, maxLength: 60 });
  const span = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 20 }));
  return fc.tuple(draws, span).map(([drawn, [from, length]]) => {
    const made = drawn.map(tradeOf(late));
    const sent = made.map(({ trade }) => trade);
    const kept = gap === 'missing' ? sent.filter((_, index) => index < from || index >= from + length) : sent;
    const edges = gap === 'none' || from === 0 ? [] : [sent[from - 1], sent[from + length]];
    const gaps = edges[0] && edges[1] ? [gapOf(edges[0], edges[1], gap === 'missing')] : [];
    return { records: byArrival(kept, gaps, clock), trades: kept, gaps };
  });
}

function tradeOf(late: boolean) {
  let timestamp = START;
  return (drawn: Draw, index: number): { trade: Trade } => {
    timestamp += drawn.step * 1000;
    const delay = late && drawn.late ? 3 * SECOND + drawn.latency * 5 : drawn.latency;
    const trade: Trade = {
      type: 'trade',
      ...IDENTITY,
      timestamp,
      localTimestamp: timestamp + delay,
      id: `t-${(index * 7919) % 1009}`,
      price: drawn.price / 10,
      amount: drawn.lots / 1000,
      side: drawn.buys ? 'buy' : 'sell',
      ...(drawn.sequence === undefined ? {} : { sequence: String(drawn.sequence) }),
    };
    return { trade };
  };
}

/** The gap is known a moment before the first trade after it arrives. */
function gapOf(before: Trade, after: Trade, missing: boolean): Gap {
  return {
    type: 'gap',
    ...IDENTITY,
    channel: 'trade',
    timestamp: after.timestamp,
    localTimestamp: (after.localTimestamp ?? 0) - 1,
    fromTimestamp: before.timestamp,
    untilTimestamp: after.timestamp,
    reason: 'disconnect',
    repaired: missing ? 0 : 5,
    missing,
  };
}

function byArrival(trades: readonly Trade[], gaps: readonly Gap[], clock: boolean): AnyRecord[] {
  const records: AnyRecord[] = [...trades, ...gaps];
  const arrivals = records.map((record) => record.localTimestamp ?? 0);
  if (clock && trades.length > 0) records.push(...ticks(Math.min(...arrivals), Math.max(...arrivals) + 3 * SECOND));
  return records.sort((a, b) => (a.localTimestamp ?? 0) - (b.localTimestamp ?? 0));
}

function ticks(from: number, until: number): Clock[] {
  const first = Math.ceil(from / SECOND) * SECOND;
  const count = Math.floor((until - first) / SECOND);
  return Array.from({ length: count }, (_, index) => {
    const timestamp = first + index * SECOND;
    return { type: 'clock', exchange: IDENTITY.exchange, market: IDENTITY.market, timestamp, localTimestamp: timestamp };
  });
}
