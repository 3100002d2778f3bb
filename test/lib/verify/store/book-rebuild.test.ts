import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { OrderBook } from '../../../../src/lib/book/order-book.js';
import { Sequencer } from '../../../../src/lib/book/sequencer.js';
import type { BookDelta, BookSnapshot } from '../../../../src/lib/model/records.js';
import type { Level } from '../../../../src/lib/model/schema.js';
import { openInspection } from '../../../../src/lib/storage/reading/store-inspection.js';
import { type BookFlaws, BookRebuild } from '../../../../src/lib/verify/store/book-rebuild.js';
import { countDay, type Flaw } from '../../../../src/lib/verify/store/day-scan.js';
import { seeded } from '../../../support/random.js';
import { writeRun } from '../../storage/support.js';

const root = mkdtempSync(join(tmpdir(), 'book-rebuild-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Message = BookSnapshot | BookDelta;

const COUNT = 3000;

const MIDNIGHT = Date.parse('2026-11-21T00:00:00Z') * 1000;

/**
 * Messages in order of arrival over a midnight, of a market that breaks its rules now and then: crossed books, lost messages,
 * no sequences, impossible levels, a whole book and a delta of one arrival. From the share `since` on its clock goes back as
 * well, so that messages are not stored in the order of their arrival.
 */
function market(seed: number, since: number): Message[] {
  const random = seeded(seed);
  const rarely = (share: number) => random() < share;
  // Sequences beyond 2^53, in which doubles are two apart.
  const next = new Map(['AUSDT', 'BUSDT', 'ÄUSDT'].map((symbol) => [symbol, 9_007_199_254_740_993n]));
  const symbols = [...next.keys()];
  const levels = (sign: number, most: number): Level[] =>
    Array.from({ length: Math.floor(random() * most) }, (_, level) => {
      const price = 100 + sign * (1 + level + Math.floor(random() * 3)) * 1e-8;
      return [rarely(0.004) ? 0 : price, rarely(0.2) ? 0 : 1e-8 * (1 + Math.floor(random() * 1e6))];
    });
  return Array.from({ length: COUNT }, (_, n): Message[] => {
    const symbol = n < 3 ? (symbols[n] as string) : (symbols[Math.floor(random() * symbols.length)] as string);
    const previous = next.get(symbol) as bigint;
    const sequence = previous + 1n;
    next.set(symbol, rarely(0.01) ? sequence + 1n : sequence);
    const arrival = MIDNIGHT + (n - COUNT / 2) * 100_000;
    // Not over midnight: a day is read to its end before the next one begins.
    const isBack = n > since * COUNT && Math.abs(n - COUNT / 2) > 30 && rarely(0.1);
    const identity = { exchange: 'bybit', market: 'linear', symbol, timestamp: arrival - (isBack ? 2_000_000 : 50) } as const;
    const stamped = { ...identity, localTimestamp: arrival };
    const isCrossing = rarely(0.03);
    const numbers = rarely(0.02) ? {} : { sequence: String(sequence), previousSequence: String(previous) };
    const delta = {
      type: 'book_delta',
      ...stamped,
      bids: levels(isCrossing ? 1 : -1, 5),
      asks: levels(1, 5),
      ...numbers,
    } as const;
    // Fewer on the second day, so that most of it goes on from the books of the first.
    if (n >= 3 && !rarely(n < COUNT / 2 ? 0.01 : 0.002)) return [delta];
    const sides = { bids: levels(-1, 8), asks: levels(1, 8) };
    const whole = { type: 'book_snapshot', ...stamped, ...sides, sequence: String(sequence) } as const;
    return rarely(0.5) ? [whole, delta] : [whole];
  }).flat();
}

type Plain = { readonly crossings: Map<string, [number, number]>; readonly breaks: Map<string, [number, number]> };

/** The same from the messages one by one: a book is known from a whole snapshot until a message that does not fit. */
function plainFlaws(messages: readonly Message[]): Plain {
  const found: Plain = { crossings: new Map(), breaks: new Map() };
  const tell = (flaws: Map<string, [number, number]>, { symbol, timestamp }: Message, at: (known: number) => number) => {
    const [count, known] = flaws.get(symbol) ?? [0, timestamp];
    flaws.set(symbol, [count + 1, at(known)]);
  };
  const books = new Map<string, { book: OrderBook; sequencer: Sequencer; isKnown: boolean; last?: Message }>();
  for (const message of messages) {
    const { symbol, bids, asks, timestamp } = message;
    const own = books.get(symbol) ?? { book: new OrderBook(), sequencer: new Sequencer(), isKnown: false };
    books.set(symbol, own);
    const { last } = own;
    own.last = message;
    if (message.type === 'book_snapshot') {
      own.book.clear();
      own.sequencer.restart(message.sequence);
      own.isKnown = own.book.change(bids, asks) === undefined;
      continue;
    }
    if (last !== undefined && isBroken(last, message)) tell(found.breaks, message, (known) => Math.min(known, timestamp));
    if (!own.isKnown) continue;
    const continuity = own.sequencer.follow(message.sequence, message.previousSequence);
    if (continuity === 'stale') continue;
    own.isKnown = continuity === 'next' && own.book.change(bids, asks) === undefined;
    if (own.isKnown && own.book.isCrossed) tell(found.crossings, message, (known) => known);
  }
  return found;
}

function isBroken(last: Message, { sequence, previousSequence: previous, localTimestamp: arrival = 0 }: BookDelta): boolean {
  if (last.sequence === undefined || previous === undefined || sequence === undefined || arrival === last.localTimestamp)
    return false;
  const before = BigInt(last.sequence);
  if (last.type === 'book_snapshot') return !(BigInt(previous) <= before && before <= BigInt(sequence));
  return BigInt(previous) !== before;
}

/** By symbol the number and the time of the first, over both days. */
function summed(flaws: readonly Flaw[]): Map<string, [number, number]> {
  const sums = new Map<string, [number, number]>();
  for (const { symbol, count, at } of flaws) {
    const known = sums.get(symbol);
    sums.set(symbol, known ? [known[0] + count, known[1]] : [count, at]);
  }
  return sums;
}

describe.each([
  ['stored in the order of their arrival', 1],
  ['stored in another order', 0],
  ['stored in another order in the middle of the second day', 0.75],
])('messages %s', (name, since) => {
  it.each([1, 2])('have the flaws that they have one by one (seed %d)', async (seed) => {
    const messages = market(seed, since);
    const directory = join(root, `${name} ${seed}`);
    await writeRun(directory, messages);
    const inspection = await openInspection(directory, { types: ['book_delta', 'book_snapshot'] });
    const partitions = await inspection.partitions(['book_delta']);
    expect(partitions).toHaveLength(2);
    const expected = plainFlaws(messages);
    expect(Math.min(expected.crossings.size, expected.breaks.size)).toBeGreaterThan(0);
    for (const most of [undefined, 100]) {
      const rebuild = new BookRebuild(inspection, most);
      const found: BookFlaws[] = [];
      for (const partition of partitions) {
        const deltas = await inspection.partition(partition);
        const { symbols } = await countDay(inspection, deltas);
        found.push(await rebuild.flaws({ deltas, symbols }));
      }
      expect(summed(found.flatMap(({ crossings }) => crossings))).toEqual(expected.crossings);
      expect(summed(found.flatMap(({ breaks }) => breaks))).toEqual(expected.breaks);
    }
    await inspection.close();
  });
});
