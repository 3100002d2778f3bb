import { describe, expect, it } from 'vitest';
import { Lag } from '../../../../src/lib/capture/live/lag.js';
import { LocalClock } from '../../../../src/lib/capture/live/wire.js';
import { isInShard, parseShard } from '../../../../src/lib/instruments/shard.js';

describe('local clock', () => {
  it('has the resolution of the steady clock, follows the wall clock forward and never goes back', () => {
    let wall = 1_000_000;
    let steady = 50;
    const clock = new LocalClock(
      () => wall,
      () => steady,
    );
    const pass = (byWall: number, bySteady: number) => {
      wall += byWall;
      steady += bySteady;
      return clock.now();
    };
    expect(clock.now()).toBe(1_000_000_000);
    expect(pass(0, 0.25)).toBe(1_000_000_250);
    expect(pass(60_000, 1)).toBe(1_060_000_000);
    expect(pass(-3_600_000, 2)).toBe(1_060_002_000);
    expect(pass(10, 10)).toBe(1_060_012_000);
  });
});

describe('lag', () => {
  it('knows its quantiles to a fifth, and that clocks differ', () => {
    const lag = new Lag();
    expect(lag.quantile(0.5)).toBeUndefined();
    for (let i = 1; i <= 1_000; i++) lag.add(i * 1_000);
    lag.add(-4_000);
    const within = (value: number | undefined, expected: number) => {
      expect(value).toBeGreaterThanOrEqual(expected);
      expect(value).toBeLessThanOrEqual(expected * 1.2);
    };
    within(lag.quantile(0.5), 500);
    within(lag.quantile(0.99), 990);
    expect(lag.minimum).toBe(-4);
  });
});

describe('shards', () => {
  it('are the same for ever: machines of different versions must not overlap', () => {
    const of = (symbol: string) => [1, 2, 3, 4, 5].find((index) => isInShard({ index, count: 5 }, 'bitget', 'linear', symbol));
    expect(['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'XRPUSDT', '$ALTUSDT'].map(of)).toEqual([1, 3, 2, 3, 2]);
  });

  it.each(['', '0/2', '3/2', '1', '1/0', 'a/b', '1/2/3'])('refuse %j', (text) => {
    expect(() => parseShard(text)).toThrow(/expected a shard like 2\/5/);
  });
});
