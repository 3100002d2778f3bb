import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FeedEvent } from '../../../src/lib/exchanges/exchange.js';
import { TickerFanOut, type TickerFields, type TickerFrame } from '../../../src/lib/exchanges/ticker-fan-out.js';
import { SECOND } from '../../../src/lib/model/time.js';

const START = 1_786_310_820 * SECOND;

const frame = (fields: TickerFields, more: Partial<TickerFrame> = {}): TickerFrame => ({
  exchange: 'bybit',
  market: 'linear',
  symbol: 'BTCUSDT',
  timestamp: START,
  action: 'delta',
  fields,
  ...more,
});
const types = (events: readonly FeedEvent[]) => events.map(({ type }) => type);

describe('TickerFanOut', () => {
  it('gives no amount where there is no best price, and keeps it for when there is one again', () => {
    const fanOut = new TickerFanOut();
    const [empty] = fanOut.apply(
      frame({ last: 1, bid: null, bidAmount: 0, ask: 2, askAmount: 3 }, { action: 'snapshot' }),
      START,
    );
    expect(empty).toMatchObject({ ask: 2, askAmount: 3 });
    expect(empty).toMatchObject({ bid: undefined, bidAmount: undefined });
    expect(fanOut.apply(frame({ bid: 1.5 }), START)[0]).toMatchObject({ bid: 1.5, bidAmount: 0 });
  });

  it('makes one record per kind of a full frame, with the frame’s identity', () => {
    const fields = {
      last: 100,
      bid: 99,
      bidAmount: 1,
      ask: 101,
      askAmount: 2,
      volume24h: 3,
      turnover24h: 300,
      mark: 100.5,
      index: 100.4,
      openInterest: 7,
      openInterestBothSides: 14,
      fundingRate: -0.0001,
      nextFundingTimestamp: START + SECOND,
      fundingIntervalHours: 8,
    };
    const identity = { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT', timestamp: START };
    expect(new TickerFanOut().apply(frame(fields, { action: 'snapshot' }), START)).toEqual([
      { type: 'ticker', ...identity, last: 100, bid: 99, bidAmount: 1, ask: 101, askAmount: 2, volume24h: 3, turnover24h: 300 },
      { type: 'mark_price', ...identity, mark: 100.5, index: 100.4 },
      { type: 'open_interest', ...identity, amount: 7, amountBothSides: 14 },
      { type: 'funding', ...identity, rate: -0.0001, nextFundingTimestamp: START + SECOND, intervalHours: 8 },
    ]);
  });

  it('carries forward what a delta leaves out, and gives a ticker only where one of its fields is mentioned', () => {
    const fanOut = new TickerFanOut();
    fanOut.apply(frame({ last: 100, bid: 99, mark: 1 }), START);
    expect(fanOut.apply(frame({ bid: 98 }), START)).toMatchObject([{ type: 'ticker', last: 100, bid: 98 }]);
    expect(types(fanOut.apply(frame({ mark: 2 }), START))).toEqual(['mark_price']);
    expect(fanOut.apply(frame({}), START)).toEqual([]);
  });

  it('takes zero for a value', () => {
    expect(new TickerFanOut().apply(frame({ bid: 1, bidAmount: 0, openInterest: 0, fundingRate: 0 }), START)).toMatchObject([
      { type: 'ticker', bidAmount: 0 },
      { type: 'open_interest', amount: 0 },
      { type: 'funding', rate: 0 },
    ]);
  });

  it('forgets what a field held when the exchange empties it', () => {
    const fanOut = new TickerFanOut();
    fanOut.apply(frame({ last: 100, bid: 99, mark: 1, index: 2 }), START);
    const [ticker, mark] = fanOut.apply(frame({ bid: null, index: null }), START);
    expect(ticker).toMatchObject({ type: 'ticker', last: 100, bid: undefined });
    expect(mark).toMatchObject({ type: 'mark_price', mark: 1, index: undefined });
    expect(fanOut.apply(frame({ mark: null }), START + 10 * SECOND)).toEqual([]);
  });

  it('forgets everything at a snapshot', () => {
    const fanOut = new TickerFanOut();
    fanOut.apply(frame({ last: 100, bid: 99, mark: 1, fundingRate: 0.1 }), START);
    const events = fanOut.apply(frame({ last: 101 }, { action: 'snapshot' }), START + 10 * SECOND);
    expect(events).toMatchObject([{ type: 'ticker', last: 101, bid: undefined }]);
  });

  it('repeats an unchanged value once 5 s after it was last given, and not before', () => {
    const fanOut = new TickerFanOut();
    const given = [0, 1, 4.999999, 5, 6, 9.999999, 10].map((seconds) =>
      types(fanOut.apply(frame({ mark: 1, openInterest: 2, fundingRate: 3 }), START + seconds * SECOND)),
    );
    const all = ['mark_price', 'open_interest', 'funding'];
    expect(given).toEqual([all, [], [], all, [], [], all]);
  });

  it('confirms while the feed lives, whatever the frame is about', () => {
    const fanOut = new TickerFanOut();
    fanOut.apply(frame({ mark: 1 }), START);
    expect(types(fanOut.apply(frame({ bid: 1 }), START + 5 * SECOND))).toEqual(['ticker', 'mark_price']);
  });

  it('needs the value itself: an index, a funding time or an interval alone are no record', () => {
    const fields = { index: 1, nextFundingTimestamp: START, fundingIntervalHours: 8 };
    expect(new TickerFanOut().apply(frame(fields), START)).toEqual([]);
  });

  it('gives open interest of either count', () => {
    expect(new TickerFanOut().apply(frame({ openInterestBothSides: 4 }), START)).toMatchObject([
      { type: 'open_interest', amount: undefined, amountBothSides: 4 },
    ]);
  });

  it('keeps symbols and markets apart', () => {
    const fanOut = new TickerFanOut();
    fanOut.apply(frame({ last: 1, bid: 2 }), START);
    for (const other of [{ symbol: 'ETHUSDT' }, { market: 'spot' }] as const)
      expect(fanOut.apply(frame({ last: 3 }, other), START)).toMatchObject([{ ...other, last: 3, bid: undefined }]);
  });

  it('never changes a record that it has given', () => {
    const fanOut = new TickerFanOut();
    const first = fanOut.apply(frame({ last: 1, mark: 1 }), START);
    const before = JSON.stringify(first);
    fanOut.apply(frame({ last: 2, mark: 2 }), START);
    expect(JSON.stringify(first)).toBe(before);
  });

  it('ends, after any run of frames, with the last value mentioned since the last snapshot', () => {
    const value = fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined });
    const fields = fc.record({ last: value, bid: value, mark: value, index: value });
    const step = fc.record({ fields, action: fc.constantFrom('delta' as const, 'snapshot' as const) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        const fanOut = new TickerFanOut();
        let state: TickerFields = {};
        for (const [i, { fields: said, action }] of steps.entries()) {
          const mentioned = Object.fromEntries(Object.entries(said).filter(([, each]) => each !== undefined));
          state = action === 'snapshot' ? mentioned : { ...state, ...mentioned };
          const events = fanOut.apply(frame(said, { action }), START + i * 6 * SECOND);
          const ticker = events.find(({ type }) => type === 'ticker');
          const mark = events.find(({ type }) => type === 'mark_price');
          expect(ticker !== undefined).toBe('last' in mentioned || 'bid' in mentioned);
          if (ticker) expect(ticker).toMatchObject({ last: state.last, bid: state.bid });
          expect(mark !== undefined).toBe(state.mark !== undefined);
          if (mark) expect(mark).toMatchObject({ mark: state.mark, index: state.index });
        }
      }),
      { seed: 20_261_121, numRuns: 300 },
    );
  });
});
