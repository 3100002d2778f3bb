import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { OrderBook } from '../../../../src/lib/book/order-book.js';
import { Sequencer } from '../../../../src/lib/book/sequencer.js';
import type { BookDelta, BookSnapshot } from '../../../../src/lib/model/records.js';
import type { Level } from '../../../../src/lib/model/schema.js';
import type { Partition } from '../../../../src/lib/storage/files/partition.js';
import { openInspection } from '../../../../src/lib/storage/reading/store-inspection.js';
import { BookRebuild } from '../../../../src/lib/verify/store/book-rebuild.js';
import { countDay } from '../../../../src/lib/verify/store/day-scan.js';
import { DeltaChains } from '../../../../src/lib/verify/store/delta-chain.js';
import { seeded } from '../../../support/random.js';
import { START, writeRun } from '../../storage/support.js';

const root = mkdtempSync(join(tmpdir(), 'book-rebuild-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Message = BookSnapshot | BookDelta;

/** Messages of a market that breaks its rules now and then: crossed books, lost messages, no sequences, impossible levels. */
function market(seed: number): Message[] {
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
  return Array.from({ length: 3000 }, (_, n): Message => {
    const symbol = symbols[Math.floor(random() * symbols.length)] as string;
    const previous = next.get(symbol) as bigint;
    const sequence = previous + 1n;
    next.set(symbol, rarely(0.01) ? sequence + 1n : sequence);
    const identity = { exchange: 'bybit', market: 'linear', symbol, timestamp: START + n * 100_000 } as const;
    const stamped = { ...identity, localTimestamp: identity.timestamp + 50 };
    if (n < 3 || rarely(0.01)) {
      const sides = { bids: levels(-1, 8), asks: levels(1, 8) };
      return { type: 'book_snapshot', ...stamped, symbol: symbols[n] ?? symbol, ...sides, sequence: String(sequence) };
    }
    const isCrossing = rarely(0.01);
    const numbers = rarely(0.02) ? {} : { sequence: String(sequence), previousSequence: String(previous) };
    return { type: 'book_delta', ...stamped, bids: levels(isCrossing ? 1 : -1, 5), asks: levels(1, 5), ...numbers };
  });
}

/** The same from the messages one by one: a book is known from a whole snapshot until a message that does not fit. */
function plainCrossings(messages: readonly Message[]): [string, number, number][] {
  const found = new Map<string, [string, number, number]>();
  const books = new Map<string, { book: OrderBook; sequencer: Sequencer; isKnown: boolean }>();
  for (const message of messages) {
    const { symbol, bids, asks, timestamp } = message;
    const own = books.get(symbol) ?? { book: new OrderBook(), sequencer: new Sequencer(), isKnown: false };
    books.set(symbol, own);
    if (message.type === 'book_snapshot') {
      own.book.clear();
      own.sequencer.restart(message.sequence);
      own.isKnown = own.book.change(bids, asks) === undefined;
      continue;
    }
    if (!own.isKnown) continue;
    const continuity = own.sequencer.follow(message.sequence, message.previousSequence);
    if (continuity === 'stale') continue;
    own.isKnown = continuity === 'next' && own.book.change(bids, asks) === undefined;
    if (!own.isKnown || !own.book.isCrossed) continue;
    const known = found.get(symbol) ?? [symbol, 0, timestamp];
    found.set(symbol, [symbol, known[1] + 1, known[2]]);
  }
  return [...found.values()].sort(([a], [b]) => (a < b ? -1 : 1));
}

it.each([1, 2])('books rebuilt by columns are crossed where those of the messages are (seed %d)', async (seed) => {
  const messages = market(seed);
  const directory = join(root, `${seed}`);
  await writeRun(directory, messages);
  const inspection = await openInspection(directory, { types: ['book_delta', 'book_snapshot'] });
  const [partition] = await inspection.partitions(['book_delta']);
  const inspected = await inspection.partition(partition as Partition);
  const { symbols } = await countDay(inspection, inspected);
  const expected = plainCrossings(messages);
  expect(expected.length).toBeGreaterThan(0);
  for (const most of [undefined, 100]) {
    const found = await new BookRebuild(inspection, new DeltaChains(inspection), most).crossings(inspected, symbols);
    const sorted = found.map(({ symbol, count, at }) => [symbol, count, at] as const).sort(([a], [b]) => (a < b ? -1 : 1));
    expect(sorted).toEqual(expected);
  }
  await inspection.close();
});
