import { describe, expect, it } from 'vitest';
import { BookKeeper, type BookKeeperOptions } from '../../../src/lib/book/book-keeper.js';
import type { BookMessage, TextLevel } from '../../../src/lib/model/book-message.js';
import type { AnyRecord } from '../../../src/lib/model/records.js';

const SECOND = 1_000_000;
const START = 1_764_000_000 * SECOND;
const ALL: BookKeeperOptions = { depth: 2, interval: SECOND, snapshots: true, deltas: true };
const SNAPSHOTS: BookKeeperOptions = { ...ALL, deltas: false };

/** A message `after` microseconds from the start; its timestamp is 5 ms before its arrival. */
function message(after: number, fields: Partial<BookMessage> = {}): BookMessage {
  const timestamp = START + after - 5_000;
  const base = { type: 'book_message', exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT', action: 'delta' } as const;
  return { ...base, timestamp, bids: [], asks: [], ...fields };
}

const BIDS: TextLevel[] = [
  ['100', '1'],
  ['99', '2'],
  ['98', '3'],
];
const ASKS: TextLevel[] = [['101', '4']];
const snapshot = (after: number, sequence?: string, fields: Partial<BookMessage> = {}) =>
  message(after, { action: 'snapshot', bids: BIDS, asks: ASKS, sequence, ...fields });
const delta = (after: number, sequence: number, amount: string, fields: Partial<BookMessage> = {}) =>
  message(after, { bids: [['100', amount]], sequence: `${sequence}`, previousSequence: `${sequence - 1}`, ...fields });

/** Applies messages at the times they were made for. */
function run(keeper: BookKeeper, ...messages: BookMessage[]): AnyRecord[] {
  return messages.flatMap((each) => keeper.apply(each, each.timestamp + 5_000));
}

/** `book_snapshot/2 100×1`: type, depth and best bid; `gap book sequence 0–5`: channel, reason and seconds. */
function brief(record: AnyRecord): string {
  if (record.type === 'gap') {
    const seconds = (time: number) => (time + 5_000 - START) / SECOND;
    return `gap ${record.channel} ${record.reason} ${seconds(record.fromTimestamp)}–${seconds(record.untilTimestamp)}`;
  }
  if (record.type !== 'book_snapshot' && record.type !== 'book_delta') return record.type;
  const depth = record.type === 'book_snapshot' && record.depth !== undefined ? `/${record.depth}` : '';
  return `${record.type}${depth} ${record.bids[0]?.join('×')}`;
}

describe('records', () => {
  it('begins a run of deltas with a whole snapshot, and cuts the other to the depth', () => {
    const records = run(new BookKeeper(ALL), snapshot(0, '7', { maxLevels: 50 }), delta(10_000, 8, '6'));
    const identity = { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT', timestamp: START - 5_000, sequence: '7' };
    const whole = {
      bids: [
        [100, 1],
        [99, 2],
        [98, 3],
      ],
      asks: [[101, 4]],
    };
    expect(records).toEqual([
      { type: 'book_snapshot', ...identity, ...whole },
      { type: 'book_snapshot', ...identity, ...whole, bids: whole.bids.slice(0, 2), depth: 2 },
      {
        type: 'book_delta',
        ...identity,
        timestamp: START + 5_000,
        sequence: '8',
        previousSequence: '7',
        bids: [[100, 6]],
        asks: [],
      },
    ]);
  });

  it('gives what is wanted and no more', () => {
    const messages = [snapshot(0, '7'), delta(10_000, 8, '6')];
    expect(run(new BookKeeper(SNAPSHOTS), ...messages).map(brief)).toEqual(['book_snapshot/2 100×1']);
    const deltas = new BookKeeper({ ...ALL, snapshots: false });
    expect([...run(deltas, ...messages), ...deltas.finish(START + SECOND, () => START + SECOND)].map(brief)).toEqual([
      'book_snapshot 100×1',
      'book_delta 100×6',
    ]);
  });

  it('has nothing to give as deltas on a channel of top-N snapshots', () => {
    const records = run(new BookKeeper(ALL), snapshot(0, '7', { topLevels: 15 }), snapshot(2 * SECOND, '9', { topLevels: 15 }));
    expect(records.map(brief)).toEqual(['book_snapshot/2 100×1', 'book_snapshot/2 100×1']);
  });

  it('says which levels a limit of levels pushed out', () => {
    const keeper = new BookKeeper(ALL);
    run(keeper, snapshot(0, '7', { maxLevels: 3 }));
    const [record] = run(keeper, delta(10, 8, '1', { bids: [['99.5', '5']], maxLevels: 3 }));
    expect(record).toMatchObject({
      bids: [
        [99.5, 5],
        [98, 0],
      ],
    });
  });

  it('replaces the book in the middle of a stream', () => {
    const later = snapshot(2 * SECOND, '1', { bids: [['90', '1']], asks: [['91', '1']] });
    const records = run(new BookKeeper(ALL), snapshot(0, '7'), later, delta(3 * SECOND, 2, '0', { bids: [['90', '8']] }));
    expect(records.slice(2).map(brief)).toEqual([
      'book_snapshot 90×1',
      'book_snapshot/2 90×1',
      'book_delta 90×8',
      'book_snapshot/2 90×8',
    ]);
  });
});

describe('interval', () => {
  it('withholds a change until it is due, with the state and the moment of then', () => {
    const keeper = new BookKeeper(SNAPSHOTS);
    run(keeper, snapshot(0, '7'));
    expect(run(keeper, delta(300_000, 8, '5'), delta(400_000, 9, '6'))).toEqual([]);
    expect(keeper.due(START + SECOND - 1)).toEqual([]);
    expect(keeper.due(START + SECOND + 70_000)).toMatchObject([
      {
        bids: [
          [100, 6],
          [99, 2],
        ],
        timestamp: START + 395_000,
        localTimestamp: START + SECOND,
        sequence: '9',
      },
    ]);
    expect(keeper.due(START + 9 * SECOND)).toEqual([]);
  });

  it('gives what was due before a message ahead of what the message leads to', () => {
    const keeper = new BookKeeper(SNAPSHOTS);
    run(keeper, snapshot(0, '7'), delta(300_000, 8, '5'));
    expect(run(keeper, delta(5 * SECOND, 9, '6')).map(brief)).toEqual(['book_snapshot/2 100×5', 'book_snapshot/2 100×6']);
  });

  it('gives the last state at the end, however early', () => {
    const keeper = new BookKeeper(SNAPSHOTS);
    run(keeper, snapshot(0, '7'), delta(300_000, 8, '5'));
    expect(keeper.finish(START + 300_000, () => START + 300_000).map(brief)).toEqual(['book_snapshot/2 100×5']);
    expect(keeper.finish(START + 300_000, () => START + 300_000)).toEqual([]);
  });

  it('gives every change where the interval is 0', () => {
    const keeper = new BookKeeper({ ...SNAPSHOTS, interval: 0 });
    expect(run(keeper, snapshot(0, '7'), delta(0, 8, '5'), delta(0, 9, '6')).map(brief)).toHaveLength(3);
  });

  it('does not take the best level that Bybit sends again for a change', () => {
    const keeper = new BookKeeper(SNAPSHOTS);
    const first = snapshot(0, '7', { topLevels: 1 });
    expect([...keeper.apply(first, START), ...keeper.apply(first, START + 3 * SECOND)]).toHaveLength(1);
    expect(keeper.finish(START + 3 * SECOND, () => START + 3 * SECOND)).toEqual([]);
    expect(keeper.stats.repeated).toBe(1);
  });

  it('counts a clock that goes back as standing still', () => {
    const keeper = new BookKeeper(SNAPSHOTS);
    run(keeper, snapshot(5 * SECOND, '7'));
    expect(keeper.apply(delta(0, 8, '5'), START)).toEqual([]);
    expect(keeper.due(START + 6 * SECOND).map(brief)).toEqual(['book_snapshot/2 100×5']);
  });
});

describe('a broken book', () => {
  const lost = [snapshot(0, '7'), delta(2 * SECOND, 8, '5'), delta(3 * SECOND, 10, '6'), delta(4 * SECOND, 11, '7')];

  it('is silent from a missing delta to the next snapshot, before which comes a gap per channel', () => {
    const keeper = new BookKeeper(ALL);
    run(keeper, ...lost.slice(0, 2));
    expect(run(keeper, ...lost.slice(2))).toEqual([]);
    expect(keeper.broken()).toEqual([{ market: 'linear', symbol: 'BTCUSDT' }]);
    expect(run(keeper, snapshot(9 * SECOND, '20'), delta(9 * SECOND, 21, '8')).map(brief)).toEqual([
      'gap book sequence 2–9',
      'gap book_delta sequence 2–9',
      'book_snapshot 100×1',
      'book_snapshot/2 100×1',
      'book_delta 100×8',
    ]);
    expect(keeper.broken()).toEqual([]);
    expect(keeper.stats).toMatchObject({ sequence: 1, skipped: 1, snapshot: 2, delta: 2 });
  });

  it('has a gap to the end where no snapshot comes', () => {
    const keeper = new BookKeeper(ALL);
    run(keeper, ...lost);
    expect(keeper.finish(START + 8 * SECOND - 5_000, () => START + 8 * SECOND - 5_000).map(brief)).toEqual([
      'gap book sequence 2–8',
      'gap book_delta sequence 2–8',
    ]);
  });

  it('gives a gap that says that something is missing', () => {
    const keeper = new BookKeeper(SNAPSHOTS);
    const records = run(keeper, ...lost, snapshot(9 * SECOND, '20'));
    expect(records.find(({ type }) => type === 'gap')).toEqual({
      type: 'gap',
      exchange: 'bybit',
      market: 'linear',
      symbol: 'BTCUSDT',
      channel: 'book',
      reason: 'sequence',
      repaired: 0,
      missing: true,
      fromTimestamp: START + 2 * SECOND - 5_000,
      untilTimestamp: START + 9 * SECOND - 5_000,
      timestamp: START + 9 * SECOND - 5_000,
    });
  });

  it('gives the state before a missing delta, which was withheld and is right', () => {
    const keeper = new BookKeeper(SNAPSHOTS);
    const records = run(keeper, snapshot(0, '7'), delta(300_000, 8, '5'), delta(400_000, 10, '6'));
    expect(records.map(brief)).toEqual(['book_snapshot/2 100×1', 'book_snapshot/2 100×5']);
    expect(keeper.due(START + 9 * SECOND)).toEqual([]);
  });

  it('keeps the interval from a state that came before its time', () => {
    const keeper = new BookKeeper(SNAPSHOTS);
    run(keeper, snapshot(0, '7'), delta(300_000, 8, '5'), delta(400_000, 10, '6'));
    expect(run(keeper, snapshot(1_200_000, '20')).map(brief)).toEqual(['gap book sequence 0.3–1.2']);
    expect(keeper.due(START + 1_399_999)).toEqual([]);
    expect(keeper.due(START + 1_400_000).map(brief)).toEqual(['book_snapshot/2 100×1']);
  });

  it.each<[name: string, fields: Partial<BookMessage>, reason: string]>([
    ['checksum', { checksum: 1 }, 'checksum'],
    ['crossed', { bids: [['101', '1']] }, 'sequence'],
    ['refused', { bids: [['100', 'NaN']] }, 'sequence'],
  ])('gives nothing that was withheld when it breaks by %s', (cause, fields, reason) => {
    const keeper = new BookKeeper(SNAPSHOTS);
    run(keeper, snapshot(0, '7'), delta(300_000, 8, '5'));
    expect(run(keeper, delta(400_000, 9, '6', fields))).toEqual([]);
    expect(keeper.due(START + 5 * SECOND)).toEqual([]);
    expect(keeper.stats).toMatchObject({ [cause]: 1 });
    expect(run(keeper, snapshot(6 * SECOND, '20')).map(brief)).toEqual([`gap book ${reason} 0.3–6`, 'book_snapshot/2 100×1']);
  });

  it('is broken by a snapshot that is none, and healed by the next', () => {
    const keeper = new BookKeeper(SNAPSHOTS);
    expect(run(keeper, snapshot(0, '7', { bids: [['x', '1']] }), delta(1, 8, '5'))).toEqual([]);
    expect(run(keeper, snapshot(SECOND, '9')).map(brief)).toEqual(['gap book sequence 0–1', 'book_snapshot/2 100×1']);
  });

  it('does not concern other symbols', () => {
    const keeper = new BookKeeper(SNAPSHOTS);
    const other = { symbol: 'ETHUSDT' };
    run(keeper, snapshot(0, '7'), snapshot(0, '7', other), delta(SECOND, 9, '5'));
    expect(run(keeper, delta(2 * SECOND, 8, '6', other)).map(brief)).toEqual(['book_snapshot/2 100×6']);
  });

  it('verifies a checksum even where none was to be expected', () => {
    const keeper = new BookKeeper(SNAPSHOTS);
    run(keeper, snapshot(0, undefined, { maxLevels: 50 }), message(1, { checksum: -123 }));
    expect(keeper.stats.checksum).toBe(1);
  });
});

describe('before the first snapshot', () => {
  it('counts deltas, and makes no gap of them when a snapshot comes', () => {
    const keeper = new BookKeeper(ALL);
    expect(run(keeper, delta(0, 5, '1'), delta(SECOND, 6, '1'))).toEqual([]);
    expect(keeper.broken()).toHaveLength(1);
    expect(run(keeper, snapshot(2 * SECOND, '7')).map(brief)).toEqual(['book_snapshot 100×1', 'book_snapshot/2 100×1']);
    expect(keeper.stats.early).toBe(2);
    expect(keeper.finish(START + 3 * SECOND, () => START + 3 * SECOND)).toEqual([]);
  });

  it('has a gap at the end where no snapshot ever came: the run must not pass for complete', () => {
    const keeper = new BookKeeper(SNAPSHOTS);
    run(keeper, delta(0, 5, '1'), delta(SECOND, 6, '1'));
    expect(keeper.finish(START + 3 * SECOND - 5_000, () => START + 3 * SECOND - 5_000).map(brief)).toEqual([
      'gap book sequence 0–3',
    ]);
  });

  it('drops deltas that the snapshot contains', () => {
    const keeper = new BookKeeper(ALL);
    const records = run(keeper, snapshot(0, '7'), delta(1, 6, '9'), delta(2, 8, '5'));
    expect(records.map(brief)).toEqual(['book_snapshot 100×1', 'book_snapshot/2 100×1', 'book_delta 100×5']);
    expect(keeper.stats.stale).toBe(1);
  });
});
