import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BookLevel, OrderBook } from '../../../src/lib/book/order-book.js';
import type { TextLevel } from '../../../src/lib/model/book-message.js';
import { PlainBook } from './book-messages.js';

const bids: TextLevel[] = [
  ['100.5', '1'],
  ['100.0', '2.50'],
  ['99.5', '3'],
];
const asks: TextLevel[] = [
  ['101.0', '4'],
  ['101.5', '5'],
];

describe('OrderBook', () => {
  it('takes levels that stand one after the other in an array as it takes them one by one', () => {
    const level = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 3 }));
    const change = fc.tuple(fc.array(level, { maxLength: 8 }), fc.array(level, { maxLength: 8 }), fc.nat(3));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        const [plain, flat] = [new OrderBook(), new OrderBook()];
        for (const [bidLevels, askLevels, from] of changes) {
          const numbers = Float64Array.from([...Array<number>(from).fill(-1), ...[...bidLevels, ...askLevels].flat(), -1]);
          plain.change(bidLevels, askLevels);
          expect(flat.changeFlat(numbers, from, bidLevels.length, askLevels.length)).toBeUndefined();
          expect(flat.top()).toEqual(plain.top());
        }
      }),
    );
    const refused = new OrderBook();
    expect(refused.changeFlat(Float64Array.from([1, 1, 2, Number.NaN]), 0, 1, 1)).toMatch(
      /an amount of 0 or more, was \[2, NaN\]/,
    );
    expect(refused.size).toBe(0);
  });

  it('sets, changes and removes levels', () => {
    const book = new OrderBook();
    book.replace(bids, asks);
    book.change(
      [
        ['100.5', '0'],
        ['100.2', '7'],
        ['42', '0'],
      ],
      [['101.0', '9']],
    );
    expect(book.top()).toEqual({
      bids: [
        [100.2, 7],
        [100, 2.5],
        [99.5, 3],
      ],
      asks: [
        [101, 9],
        [101.5, 5],
      ],
    });
    expect([book.bestBid, book.bestAsk, book.size]).toEqual([100.2, 101, 5]);
  });

  it('gives the best levels first, and as many as there are', () => {
    const book = new OrderBook();
    book.replace(bids, asks);
    expect(book.top(2).bids).toEqual([
      [100.5, 1],
      [100, 2.5],
    ]);
    expect(book.top(15).asks).toHaveLength(2);
    expect(new OrderBook().top(5)).toEqual({ bids: [], asks: [] });
    expect(new OrderBook().bestBid).toBeUndefined();
  });

  it('applies several changes of one price in their order', () => {
    const book = new OrderBook();
    book.change(
      [
        ['1', '5'],
        ['1', '0'],
        ['1', '6'],
        ['2', '3'],
        ['2', '0'],
      ],
      [],
    );
    expect(book.top().bids).toEqual([[1, 6]]);
  });

  it('keeps the texts as they were written, in step with the levels', () => {
    const book = new OrderBook({ keepOriginals: true });
    book.replace(bids, asks);
    book.change(
      [
        ['100.00', '2.5000'],
        ['100.50', '0.000'],
        ['98', '1'],
      ],
      [],
    );
    expect(book.originals(2)).toEqual({
      bids: [
        ['100.00', '2.5000'],
        ['99.5', '3'],
      ],
      asks,
    });
    expect(book.originals(0).bids).toEqual([]);
    expect(new OrderBook().originals(5).bids).toEqual([]);
  });

  it.each([
    ['crossed', '101.0', true],
    ['locked', '100.6', true],
    ['apart', '100.5', false],
  ])('knows when it is %s', (_, bid, crossed) => {
    const book = new OrderBook();
    book.replace([[bid, '1']], [['100.6', '1']]);
    expect(book.isCrossed).toBe(crossed);
  });

  it('is not crossed while a side is empty', () => {
    const book = new OrderBook();
    book.replace(bids, []);
    expect(book.isCrossed).toBe(false);
  });

  it.each<[BookLevel]>([
    [['NaN', '1']],
    [['', '1']],
    [['0', '1']],
    [['-1', '1']],
    [['1e999', '1']],
    [['1', '']],
    [['1', '-0.1']],
    [['1', 'Infinity']],
    [[Number.NaN, 1]],
    [[1, Number.POSITIVE_INFINITY]],
  ])('refuses %j, names it, and is empty then', (level) => {
    const book = new OrderBook();
    book.replace(bids, asks);
    expect(book.change([], [level])).toContain(`was [${level[0]}, ${level[1]}]`);
    expect(book.top()).toEqual({ bids: [], asks: [] });
    expect(book.replace(bids, asks)).toBeUndefined();
    expect(book.bestBid).toBe(100.5);
  });

  it('trims the worst levels and tells which', () => {
    const book = new OrderBook({ keepOriginals: true });
    book.replace(bids, asks);
    expect(book.trim(2)).toEqual({ bids: [[99.5, 0]], asks: [] });
    expect(book.originals(9).bids).toEqual(bids.slice(0, 2));
    expect(book.trim(2)).toEqual({ bids: [], asks: [] });
  });

  it('equals two sorted maps after any changes, texts or numbers, trimmed or not', () => {
    const level = fc.tuple(fc.integer({ min: 1, max: 150 }), fc.integer({ min: 0, max: 4 }));
    const changes = fc.record({
      action: fc.constantFrom('snapshot' as const, ...Array(9).fill('delta' as const)),
      bids: fc.array(level, { maxLength: 40 }),
      asks: fc.array(level, { maxLength: 40 }),
    });
    const property = fc.property(
      fc.array(changes, { maxLength: 20 }),
      fc.constantFrom(undefined, 5, 50),
      (messages, maxLevels) => {
        const plain = new PlainBook();
        const fromTexts = new OrderBook({ keepOriginals: true });
        const fromNumbers = new OrderBook();
        for (const { action, bids, asks } of messages) {
          plain.apply({ action, bids: bids.map(asText), asks: asks.map(asText), maxLevels });
          apply(fromTexts, action, bids.map(asText), asks.map(asText));
          apply(fromNumbers, action, bids, asks);
          if (maxLevels !== undefined) for (const book of [fromTexts, fromNumbers]) book.trim(maxLevels);
          expect(fromTexts.top()).toEqual(plain.top());
          expect(fromNumbers.top()).toEqual(plain.top());
          const original = fromTexts.originals(25);
          expect({ bids: original.bids.map(asNumbers), asks: original.asks.map(asNumbers) }).toEqual(plain.top(25));
        }
      },
    );
    fc.assert(property, { seed: 2, numRuns: 300 });
  });
});

const asText = ([price, amount]: readonly [number, number]): TextLevel => [price.toFixed(2), amount.toFixed(3)];
const asNumbers = ([price, amount]: BookLevel) => [Number(price), Number(amount)];

function apply(book: OrderBook, action: 'snapshot' | 'delta', bids: readonly BookLevel[], asks: readonly BookLevel[]): void {
  const refused = action === 'snapshot' ? book.replace(namedOnce(bids), namedOnce(asks)) : book.change(bids, asks);
  expect(refused).toBeUndefined();
}

/** A snapshot names each price once. */
function namedOnce(levels: readonly BookLevel[]): BookLevel[] {
  return [...new Map(levels.map((level) => [Number(level[0]), level])).values()];
}
