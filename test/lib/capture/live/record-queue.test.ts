import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordQueue } from '../../../../src/lib/capture/live/record-queue.js';
import type { AnyRecord } from '../../../../src/lib/model/records.js';

let stamp = 0;
const identity = (symbol: string) => {
  stamp += 1;
  return { exchange: 'x', market: 'linear' as const, symbol, timestamp: 1_000_000 + stamp, localTimestamp: 1_000_000 + stamp };
};
const trade = (symbol = 'A'): AnyRecord => ({
  type: 'trade',
  ...identity(symbol),
  id: `${stamp}`,
  price: 1,
  amount: 1,
  side: 'buy',
});
const delta = (symbol = 'A'): AnyRecord => ({ type: 'book_delta', ...identity(symbol), bids: [], asks: [] });
const book = (depth?: number, symbol = 'A'): AnyRecord => ({
  type: 'book_snapshot',
  ...identity(symbol),
  bids: [],
  asks: [],
  depth,
});
const gap = (symbol = 'A'): AnyRecord => {
  const common = identity(symbol);
  return {
    type: 'gap',
    ...common,
    channel: 'trade',
    fromTimestamp: common.timestamp - 500,
    untilTimestamp: common.timestamp,
    reason: 'disconnect',
    repaired: 0,
    missing: true,
  };
};

async function drain(queue: RecordQueue): Promise<AnyRecord[]> {
  queue.close();
  const all: AnyRecord[] = [];
  for await (const batch of queue.batches()) all.push(...batch);
  return all;
}

/** Takes what waits, without waiting for more. */
async function take(batches: AsyncGenerator<readonly AnyRecord[]>): Promise<readonly AnyRecord[]> {
  return (await batches.next()).value ?? [];
}

describe('record queue', () => {
  it('passes on what fits, untouched', async () => {
    const records = [trade(), gap(), delta(), book()];
    const queue = new RecordQueue(10, () => {});
    queue.push(records);
    expect(await drain(queue)).toEqual(records);
    expect(queue.dropped).toBe(0);
  });

  it('drops nothing of the last records of a run, which nobody would fetch again', async () => {
    const refetched: AnyRecord[] = [];
    const queue = new RecordQueue(2, () => {}, { isRepaired: () => false, refetches: (record) => refetched.push(record) > 0 });
    const kept = [trade(), trade()];
    queue.push([...kept, trade()]);
    expect(refetched).toHaveLength(1);
    const last = [gap(), trade(), trade(), book(5)];
    queue.finish(last);
    expect(await drain(queue)).toEqual([...kept, ...last]);
    expect(refetched).toHaveLength(1);
  });

  it('keeps what a repair gives, however full it is: that would only be repaired again', async () => {
    const given = [trade(), trade()];
    const refetched: AnyRecord[] = [];
    const queue = new RecordQueue(1, () => {}, {
      isRepaired: (record) => given.includes(record),
      refetches: (record) => refetched.push(record) > 0,
    });
    const records = [trade(), gap(), ...given];
    queue.push(records);
    const live = trade();
    queue.push([live]);
    expect(refetched).toEqual([live]);
    expect(await drain(queue)).toEqual(records);
  });

  it('tells of what it dropped, feed by feed, before the next record of the feed', async () => {
    const told: string[] = [];
    const queue = new RecordQueue(2, ({ type }) => told.push(type));
    const batches = queue.batches();
    const [a, b] = [trade('A'), trade('B')];
    queue.push([a, b]);
    const lost = [trade('A'), trade('B'), trade('A')];
    queue.push(lost);
    expect(await take(batches)).toEqual([a, b]);
    void batches.next();
    await Promise.resolve();
    const next = trade('A');
    queue.push([next]);
    const rest = await drain(queue);
    expect(queue.dropped).toBe(3);
    expect(told).toEqual(['trade', 'trade']);
    expect(queue.gaps).toBe(2);
    void rest;
  });

  it('lets deltas of a book go on only after a whole snapshot', async () => {
    const queue = new RecordQueue(1, () => {});
    const batches = queue.batches();
    queue.push([delta(), delta()]);
    await take(batches);
    const later = take(batches);
    const whole = book();
    const after = delta();
    queue.push([delta()]);
    expect(queue.booksToResubscribe).toEqual([{ exchange: 'x', market: 'linear', symbol: 'A' }]);
    queue.push([whole]);
    expect(await later).toMatchObject([{ type: 'gap', channel: 'book_delta', reason: 'overflow' }, { type: 'book_snapshot' }]);
    const last = take(batches);
    queue.push([after]);
    expect(await last).toEqual([after]);
    expect(queue.booksToResubscribe).toEqual([]);
  });

  it.each([
    ['the gap before it', () => ({ ...gap(), channel: 'book_delta' }) as AnyRecord],
    ['the whole snapshot itself', () => book()],
  ])('lets no delta go on when %s was dropped first', async (_, first) => {
    const queue = new RecordQueue(2, () => {});
    const batches = queue.batches();
    queue.push([book(), delta(), first()]);
    await take(batches);
    const later = take(batches);
    queue.push([delta(), delta(), book()]);
    expect((await later).map(({ type }) => type)).toEqual(['gap', 'book_snapshot']);
    const last = take(batches);
    queue.push([delta()]);
    expect((await last).map(({ type }) => type)).toEqual(['book_delta']);
  });

  it('gives every record a moment of its own, also where it told a gap', async () => {
    const queue = new RecordQueue(2, () => {});
    const batches = queue.batches();
    queue.push([trade('A'), trade('A'), trade('B')]);
    const records = [...(await take(batches))];
    const later = take(batches);
    queue.push([trade('A'), trade('B')]);
    records.push(...(await later));
    const stamps = records.map(({ localTimestamp }) => localTimestamp as number);
    expect(records.map(({ type }) => type)).toEqual(['trade', 'trade', 'trade', 'gap', 'trade']);
    for (const [at, stamp] of stamps.entries()) if (at > 0) expect(stamp).toBeGreaterThan(stamps[at - 1] as number);
  });

  it('makes a gap that does not fit part of its own', async () => {
    const queue = new RecordQueue(1, () => {});
    const inner = gap();
    queue.push([trade(), inner, trade()]);
    const [, told] = await drain(queue);
    expect(told).toMatchObject({
      type: 'gap',
      reason: 'overflow',
      fromTimestamp: (inner as { fromTimestamp: number }).fromTimestamp,
    });
  });

  it('accounts for every record: given, or within a gap of its feed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.tuple(fc.constantFrom('A', 'B', 'C'), fc.boolean()), { maxLength: 60 }),
        async (limit, steps) => {
          const queue = new RecordQueue(limit, () => {});
          const batches = queue.batches();
          const sent: AnyRecord[] = [];
          const given: AnyRecord[] = [];
          let held = 0;
          for (const [symbol, takes] of steps) {
            const record = trade(symbol);
            sent.push(record);
            queue.push([record]);
            // What was taken last counts as waiting until the reader comes back for more.
            if (!takes || queue.length <= held) continue;
            const batch = await take(batches);
            held = batch.length;
            given.push(...batch);
          }
          queue.close();
          for await (const batch of batches) given.push(...batch);
          const gaps = given.filter((record) => record.type === 'gap');
          for (const record of sent) {
            if (record.type !== 'trade' || given.includes(record)) continue;
            const covers = gaps.some(
              (hole) =>
                hole.type === 'gap' &&
                hole.symbol === record.symbol &&
                hole.fromTimestamp <= record.timestamp &&
                hole.untilTimestamp >= record.timestamp,
            );
            expect(covers).toBe(true);
          }
          expect(given.filter(({ type }) => type === 'trade').length + queue.dropped).toBe(sent.length);
        },
      ),
      { seed: 11, numRuns: 200 },
    );
  });
});
