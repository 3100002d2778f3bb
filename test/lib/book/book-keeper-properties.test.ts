import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BookKeeper } from '../../../src/lib/book/book-keeper.js';
import type { BookMessage, TextLevel } from '../../../src/lib/model/book-message.js';
import type { AnyRecord, BookDelta, BookSnapshot } from '../../../src/lib/model/records.js';
import type { Level } from '../../../src/lib/model/schema.js';
import { PlainBook } from './book-messages.js';

const START = 1_764_000_000_000_000;
const INTERVAL = 50;
const DEPTH = 4;
const OPTIONS = { depth: DEPTH, interval: INTERVAL, snapshots: true, deltas: true };

type Step = {
  wait: number;
  symbol: string;
  action: 'snapshot' | 'delta';
  bids: [number, number][];
  asks: [number, number][];
  lost: boolean;
};

const level = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 3 }));
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    wait: fc.integer({ min: 0, max: 40 }),
    symbol: fc.constantFrom('A', 'B', 'C'),
    action: fc.constantFrom('delta', 'delta', 'delta', 'snapshot'),
    bids: fc.array(level, { maxLength: 6 }),
    asks: fc.array(level, { maxLength: 6 }),
    lost: fc.integer({ min: 0, max: 20 }).map((roll) => roll === 20),
  }),
  { maxLength: 60 },
);

/** Messages in a row of sequences per symbol, some of them lost; they arrive at their timestamp. Asks lie above all bids. */
const feeds = steps.map((made) => {
  const sequences = new Map<string, number>();
  let timestamp = START;
  return made.flatMap(({ wait, symbol, action, bids, asks, lost }): BookMessage[] => {
    timestamp += wait;
    const sequence = (sequences.get(symbol) ?? 0) + 1;
    sequences.set(symbol, sequence);
    if (lost) return [];
    const identity = { type: 'book_message', exchange: 'bybit', market: 'linear', symbol, timestamp, action } as const;
    const order = { sequence: `${sequence}`, previousSequence: `${sequence - 1}` };
    return [{ ...identity, bids: texts(bids, 0, action), asks: texts(asks, 100, action), ...order, maxLevels: 10 }];
  });
});

function texts(levels: readonly Level[], shift: number, action?: 'snapshot' | 'delta'): TextLevel[] {
  const named = action === 'snapshot' ? [...new Map(levels)] : levels;
  return named.map(([price, amount]) => [`${price + shift}`, `${amount}`]);
}

type State = { symbol: string; sequence: number; at: number; levels: string };

/** The states that a reader who notices every lost message can trust, and what the others break. */
function trustedStates(messages: readonly BookMessage[]): State[] {
  const books = new Map<string, { book: PlainBook; sequence: number }>();
  return messages.flatMap((message) => {
    const { symbol, action, previousSequence, timestamp: at } = message;
    if (action === 'snapshot') books.set(symbol, { book: new PlainBook(), sequence: 0 });
    const known = books.get(symbol);
    if (!known || (action === 'delta' && previousSequence !== `${known.sequence}`)) {
      books.delete(symbol);
      return [];
    }
    known.book.apply(message);
    known.sequence = Number(message.sequence);
    return [{ symbol, sequence: known.sequence, at, levels: JSON.stringify(known.book.top(DEPTH)) }];
  });
}

/** A top-N snapshot that came out, when, and whether it came because what followed broke the book or ended the run. */
type Given = State & { last: boolean };

function given(records: readonly AnyRecord[], at: number, last: boolean): Given[] {
  return records
    .filter((record): record is BookSnapshot => record.type === 'book_snapshot' && record.depth !== undefined)
    .map(({ symbol, sequence, bids, asks, localTimestamp }) => {
      const levels = JSON.stringify({ bids, asks });
      return { symbol, sequence: Number(sequence), levels, at: localTimestamp ?? at, last: last && localTimestamp === undefined };
    });
}

function snapshotsOf(messages: readonly BookMessage[]): Given[] {
  const keeper = new BookKeeper(OPTIONS);
  const snapshots = messages.flatMap((message) => {
    const breaks = keeper.stats.sequence;
    const records = keeper.apply(message, message.timestamp);
    return given(records, message.timestamp, keeper.stats.sequence > breaks);
  });
  const end = messages.at(-1)?.timestamp ?? START;
  return [
    ...snapshots,
    ...given(
      keeper.finish(end, () => end),
      end,
      true,
    ),
  ];
}

const check = (property: fc.IProperty<[BookMessage[]]>, seed: number) => fc.assert(property, { seed, numRuns: 300 });

describe('BookKeeper, whatever comes', () => {
  it('gives books that the plain one equals, and only such', () => {
    const property = fc.property(feeds, (messages) => {
      const states = new Map(trustedStates(messages).map(({ symbol, sequence, levels }) => [`${symbol} ${sequence}`, levels]));
      for (const { symbol, sequence, levels } of snapshotsOf(messages)) expect(levels).toBe(states.get(`${symbol} ${sequence}`));
    });
    check(property, 3);
  });

  it('never exceeds the interval, except for a last state', () => {
    const property = fc.property(feeds, (messages) => {
      const latest = new Map<string, number>();
      for (const { symbol, at, last } of snapshotsOf(messages)) {
        if (!last) expect(at - (latest.get(symbol) ?? 0)).toBeGreaterThanOrEqual(INTERVAL);
        latest.set(symbol, at);
      }
    });
    check(property, 4);
  });

  it('gives every state, or a later one, within the interval', () => {
    const property = fc.property(feeds, (messages) => {
      const snapshots = snapshotsOf(messages);
      for (const { symbol, sequence, at } of trustedStates(messages)) {
        const next = snapshots.find((snapshot) => snapshot.symbol === symbol && snapshot.sequence >= sequence);
        expect(next?.at).toBeLessThanOrEqual(at + INTERVAL);
      }
    });
    check(property, 5);
  });

  it('gives deltas from which the same book follows', () => {
    const property = fc.property(feeds, (messages) => {
      const keeper = new BookKeeper({ ...OPTIONS, depth: 10, interval: 0 });
      const books = new Map(['A', 'B', 'C'].map((symbol) => [symbol, new PlainBook()]));
      for (const record of messages.flatMap((message) => keeper.apply(message, message.timestamp))) {
        if (record.type !== 'book_snapshot' && record.type !== 'book_delta') continue;
        follow(books.get(record.symbol) as PlainBook, record);
      }
    });
    check(property, 6);
  });

  it('gives the same however often it is asked what is due', () => {
    const questions = fc.array(
      fc.integer({ min: 0, max: 2_400 }).map((after) => START + after),
      { maxLength: 50 },
    );
    const property = fc.property(feeds, questions, (messages, moments) => {
      expect(recordsOf(messages, moments)).toEqual(recordsOf(messages, []));
    });
    fc.assert(property, { seed: 7, numRuns: 300 });
  });
});

/** Whole snapshots and deltas make the book; those cut to a depth must equal it. */
function follow(book: PlainBook, record: BookSnapshot | BookDelta): void {
  const { bids, asks } = record;
  if (record.type === 'book_delta') book.apply({ action: 'delta', bids: texts(bids, 0), asks: texts(asks, 0) });
  else if (record.depth === undefined) book.apply({ action: 'snapshot', bids: texts(bids, 0), asks: texts(asks, 0) });
  else expect({ bids, asks }).toEqual(book.top(record.depth));
}

function recordsOf(messages: readonly BookMessage[], questions: readonly number[]): AnyRecord[] {
  const keeper = new BookKeeper(OPTIONS);
  const asked = questions.map((at) => ({ at, act: () => keeper.due(at) }));
  const applied = messages.map((message) => ({ at: message.timestamp, act: () => keeper.apply(message, message.timestamp) }));
  const records = [...asked, ...applied].sort((a, b) => a.at - b.at).flatMap(({ act }) => act());
  return [...records, ...keeper.finish(START + 10_000, () => START + 10_000)];
}
