import { describe, expect, it } from 'vitest';
import { exchangeOf } from '../../../src/lib/exchanges/index.js';
import { inParallel } from '../../../src/lib/history/backfill.js';
import { planFetchTask } from '../../../src/lib/history/fetch-task.js';
import { NOTHING_STORED } from '../../../src/lib/history/stored-spans.js';
import type { RequestedRange } from '../../../src/lib/history/topic.js';
import { DAY, HOUR, MINUTE, SECOND } from '../../../src/lib/model/time.js';

const NOW = Date.UTC(2026, 10, 20, 12, 0, 31) * 1_000;
const requested = (more: Partial<RequestedRange> = {}): RequestedRange => {
  const topic = { exchange: exchangeOf('bitget'), market: 'linear', symbol: 'BTCUSDT', type: 'trade' } as const;
  return { ...topic, spans: [{ from: NOW - DAY, until: NOW }], ...more };
};
const plan = (asked: RequestedRange, stored = NOTHING_STORED) => planFetchTask(asked, { now: NOW, stored });

describe('a plan', () => {
  it('fetches holes, head and tail of what is known', () => {
    const known = [
      { from: NOW - 20 * HOUR, until: NOW - 10 * HOUR },
      { from: NOW - 8 * HOUR, until: NOW - HOUR },
    ];
    const stored = { ...NOTHING_STORED, known: () => known };
    expect(plan(requested(), stored).spans).toEqual([
      { from: NOW - DAY, until: NOW - 20 * HOUR },
      { from: NOW - 10 * HOUR, until: NOW - 8 * HOUR },
      { from: NOW - HOUR, until: NOW },
    ]);
    expect(plan(requested({ isForced: true }), stored).spans).toEqual([{ from: NOW - DAY, until: NOW }]);
  });

  it('tells what lies beyond the reach, and what there is not', () => {
    const task = plan(requested({ spans: [{ from: NOW - 100 * DAY, until: NOW }] }));
    expect(task.spans).toEqual([{ from: NOW - 90 * DAY + 5 * MINUTE, until: NOW }]);
    expect(task.unavailable).toEqual([
      { spans: [{ from: NOW - 100 * DAY, until: NOW - 90 * DAY + 5 * MINUTE }], note: expect.stringMatching(/90 days/) },
    ]);
    expect(task).toMatchObject({ atLeast: true });
    const nothing = plan(requested({ type: 'open_interest' }));
    expect(nothing).toMatchObject({
      spans: [],
      requests: 0,
      unavailable: [{ note: expect.stringMatching(/no open_interest history on linear/) }],
    });
    const newest = plan(requested({ exchange: exchangeOf('bybit') }));
    expect(newest).toMatchObject({ requests: 1, note: expect.stringMatching(/newest 1000 trades/) });
  });

  it('wants whole bars alone, none that is cut', () => {
    const candles = requested({ type: 'candle', interval: '1h', spans: [{ from: NOW - 3 * HOUR, until: NOW }] });
    const noon = Math.floor(NOW / HOUR) * HOUR;
    expect(plan(candles).spans).toEqual([{ from: noon - 2 * HOUR, until: noon }]);
    expect(plan({ ...candles, spans: [{ from: NOW - MINUTE, until: NOW }] }).spans).toEqual([]);
  });

  it('leaves the last minute to a capture that is going on, and the future to itself', () => {
    expect(plan(requested(), { ...NOTHING_STORED, isCaptured: () => true }).spans).toEqual([
      { from: NOW - DAY, until: NOW - MINUTE },
    ]);
    expect(plan(requested({ spans: [{ from: NOW - SECOND, until: NOW + DAY }] })).spans).toEqual([
      { from: NOW - SECOND, until: NOW },
    ]);
  });
});

describe('in parallel', () => {
  it('gives everything, from no more generators at a time than told', async () => {
    let running = 0;
    let most = 0;
    const generators = Array.from({ length: 9 }, async function* (_, number) {
      running += 1;
      most = Math.max(most, running);
      for (let item = 0; item < number; item++) {
        await new Promise((resolve) => setTimeout(resolve, (number * 7 + item) % 3));
        yield `${number}-${item}`;
      }
      running -= 1;
    });
    const items: string[] = [];
    for await (const item of inParallel(generators, 3)) items.push(item);
    expect(items).toHaveLength(36);
    expect(new Set(items).size).toBe(36);
    expect(most).toBe(3);
  });

  it('passes a failure on and closes the others', async () => {
    const closed: string[] = [];
    async function* endless(name: string) {
      try {
        for (;;) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          yield name;
        }
      } finally {
        closed.push(name);
      }
    }
    async function* failing(): AsyncGenerator<string> {
      yield 'first';
      await new Promise((resolve) => setTimeout(resolve, 10));
      throw new Error('no');
    }
    const read = async () => {
      for await (const _ of inParallel([endless('a'), failing(), endless('b')], 3));
    };
    await expect(read()).rejects.toThrow('no');
    expect(closed.sort()).toEqual(['a', 'b']);
  });
});
