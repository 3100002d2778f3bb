import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { noteEachMinute, type ProgressOptions, showWork } from '../../../src/lib/cli/progress.js';
import { warmUpLine, warmUpNotes } from '../../../src/lib/cli/warm-up-text.js';
import type { FeatureWarmUp } from '../../../src/lib/features/feature-series.js';
import type { SymbolWarmUp } from '../../../src/lib/features/symbol-series.js';

const ERASE = '\r\u001B[K';

describe('the progress of a batch step', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function shown(isLive: boolean) {
    const drawn: string[] = [];
    const displays: unknown[] = [];
    const options: ProgressOptions = {
      ...{ isLive, write: (text) => void drawn.push(text), note: (text) => void drawn.push(text) },
      ...{ elapsed: () => Date.now(), attach: (display) => void displays.push(display) },
    };
    return { drawn, displays, options };
  }

  it('appears after a second, with records, rate and the time left, and leaves nothing', () => {
    const { drawn, displays, options } = shown(true);
    let share: number | undefined = 0;
    const work = showWork(options, 'candles', { read: () => share, pass: () => undefined });
    vi.advanceTimersByTime(900);
    expect(drawn).toEqual([]);
    work.add(5_000);
    share = 0.25;
    vi.advanceTimersByTime(1_100);
    expect(drawn.at(-1)).toBe(`${ERASE}candles: 25 % read, 5,000 records, 2,500/s, 2 s, about 6 s left`);
    share = undefined;
    vi.advanceTimersByTime(3_000);
    expect(drawn.at(-1)).toBe(`${ERASE}candles: 5,000 records, 1,000/s, 5 s`);
    work.end();
    expect(drawn.at(-1)).toBe(ERASE);
    expect(displays.at(-1)).toBeUndefined();
    const lines = drawn.length;
    vi.advanceTimersByTime(5_000);
    expect(drawn).toHaveLength(lines);
  });

  it('estimates the pass of SQL that runs, each from its own begin, once the files are read', () => {
    const { drawn, options } = shown(true);
    let [read, pass]: (number | undefined)[] = [1, 0];
    const work = showWork(options, 'candles', { read: () => read, pass: () => pass });
    for (let step = 1; step <= 10; step++) {
      vi.advanceTimersByTime(1_000);
      pass = step / 20;
    }
    vi.advanceTimersByTime(200);
    expect(drawn.at(-1)).toBe(`${ERASE}candles: 50 % of this pass, 10 s, about 10 s left in it`);
    pass = 0.01;
    vi.advanceTimersByTime(200);
    expect(drawn.at(-1)).toBe(`${ERASE}candles: 1 % of this pass, 10 s`);
    for (let step = 1; step <= 10; step++) {
      pass = step / 20;
      vi.advanceTimersByTime(1_000);
    }
    expect(drawn.at(-1)).toBe(`${ERASE}candles: 50 % of this pass, 20 s, about 11 s left in it`);
    [read, pass] = [undefined, undefined];
    vi.advanceTimersByTime(200);
    expect(drawn.at(-1)).toBe(`${ERASE}candles: 21 s`);
    work.end();
  });

  it('counts the jobs of workers while some are open, and estimates the time of all parts', () => {
    const { drawn, options } = shown(true);
    const jobs = { all: 40, ended: 0, part: 1, parts: 2 };
    const work = showWork(options, 'features', { read: () => undefined, pass: () => 0.3, jobs });
    vi.advanceTimersByTime(10_000);
    jobs.ended = 20;
    vi.advanceTimersByTime(200);
    expect(drawn.at(-1)).toBe(`${ERASE}features: 20 of 40 jobs of workers (part 1 of 2), 10 s, about 30 s left`);
    jobs.ended = 40;
    vi.advanceTimersByTime(200);
    expect(drawn.at(-1)).toContain('features: 30 % of this pass, 10 s');
    Object.assign(jobs, { ended: 1, parts: 1 });
    vi.advanceTimersByTime(200);
    expect(drawn.at(-1)).toContain('features: 1 of 40 jobs of workers, ');
    work.end();
  });

  it('is nothing for a quick step, and nothing without a terminal', () => {
    const quick = shown(true);
    const work = showWork(quick.options, 'verify', { read: () => undefined, pass: () => undefined });
    vi.advanceTimersByTime(999);
    work.end();
    vi.advanceTimersByTime(5_000);
    const piped = shown(false);
    showWork(piped.options, 'verify', { read: () => 0.5, pass: () => 0.5 }).add(3);
    vi.advanceTimersByTime(120_000);
    expect([quick.drawn, piped.drawn]).toEqual([[], []]);
  });
});

const END = Date.UTC(2026, 10, 20, 16, 9, 30) * 1_000;
const seconds = (name: string, have: number, need: number): FeatureWarmUp => ({
  ...{ name, have, need, unit: 'seconds', ready: END + (need - have) * 1_000_000 },
});
const symbol = (name: string, ...features: FeatureWarmUp[]): SymbolWarmUp => ({
  ...{ exchange: 'bybit', market: 'linear', symbol: name, end: END, features },
});

describe('what is still warming', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('names the slowest feature and when the first signal is possible', () => {
    expect(warmUpLine([symbol('BTCUSDT', seconds('mark_dev_z', 360, 3_600))])).toBe(
      'warming up: BTCUSDT mark_dev_z 6 of 60 min, first signal possible at 17:04',
    );
    expect(warmUpLine([symbol('A', seconds('delta_z', 0, 300), seconds('imb_shift', 30, 61)), symbol('B'), symbol('C')])).toBe(
      'warming up: A delta_z 0 of 5 min and 1 more, first signal possible at 16:15',
    );
    const bars: FeatureWarmUp = { name: 'atr15m', have: 4, need: 200, unit: 'candles', ready: END + 49 * 3_600_000_000 };
    expect(warmUpLine([symbol('A', bars, { ...bars, name: 'atr15m_pct' })])).toBe(
      'warming up: A atr15m 4 of 200 candles, first signal possible at 17:10 on Nov 22',
    );
    const silent: FeatureWarmUp = { ...seconds('mark_dev_z', 0, 3_600), ready: undefined };
    expect(warmUpLine([symbol('A', silent), symbol('B', seconds('delta_z', 299, 300))])).toBe(
      'warming up: B delta_z 4 of 5 min, first signal possible at 16:10; 1 more symbol warming up',
    );
    expect(warmUpLine([symbol('A', silent)])).toBe('warming up: A mark_dev_z has no input yet');
    expect(warmUpLine([symbol('A')])).toBeUndefined();
  });

  it('is said each minute, and once that it is over', () => {
    let now: SymbolWarmUp[] = [symbol('A', seconds('delta_z', 1, 300))];
    const said: string[] = [];
    const notes = noteEachMinute(
      { note: (text) => void said.push(text) },
      warmUpNotes(() => now),
    );
    vi.advanceTimersByTime(125_000);
    now = [symbol('A')];
    vi.advanceTimersByTime(180_000);
    notes.stop();
    now = [symbol('A', seconds('delta_z', 1, 300))];
    vi.advanceTimersByTime(180_000);
    const line = 'warming up: A delta_z 0 of 5 min, first signal possible at 16:15';
    expect(said).toEqual([line, line, 'warm: 1 symbol, signals are possible']);
  });
});
