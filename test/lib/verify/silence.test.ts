import { describe, expect, it } from 'vitest';
import { Intervals } from '../../../src/lib/verify/silence.js';
import { seeded } from '../../support/random.js';

const HOUR = 3600;
const DAY = 86_400;

type Found = { readonly from: number; readonly length: number };

/** The silences of a sequence of times (seconds), each judged by the seven days up to its own. */
function suspicious(times: readonly number[]): Found[] {
  const days = new Map<number, Intervals>();
  const pauses: Found[] = [];
  for (let index = 1; index < times.length; index++) {
    const from = times[index - 1] as number;
    const length = (times[index] as number) - from;
    const day = Math.floor(from / DAY);
    const intervals = days.get(day) ?? new Intervals();
    intervals.add(Math.floor(from / HOUR) % 24, 1, length);
    days.set(day, intervals);
    if (length > 60) pauses.push({ from, length });
  }
  const weeks = new Map<number, Intervals>();
  return pauses.filter(({ from, length }) => {
    const day = Math.floor(from / DAY);
    const week = weeks.get(day) ?? new Intervals();
    if (!weeks.has(day)) for (let past = day - 6; past <= day; past++) week.addAll(days.get(past) ?? new Intervals());
    weeks.set(day, week);
    const limit = week.ordinarySilence(Math.floor(from / HOUR) % 24, length);
    return limit !== undefined && length > limit;
  });
}

const exponential = (random: () => number, mean: number) => -mean * Math.log(1 - random());

/** Times that come independently of each other. */
function poisson(seed: number, mean: number, days: number, rate = (_: number) => 1): number[] {
  const random = seeded(seed);
  const times: number[] = [];
  for (let time = exponential(random, mean); time < days * DAY; time += exponential(random, mean) / rate(time)) times.push(time);
  return times;
}

/** Bursts of trades, a moment apart within, with long pauses between them. */
function bursts(seed: number, pause: number, size: number, apart: number, days: number): number[] {
  const random = seeded(seed);
  const times: number[] = [];
  for (let time = exponential(random, pause); time < days * DAY; time += exponential(random, pause)) {
    const count = 1 + Math.floor(exponential(random, size));
    for (let n = 0; n < count; n++, time += exponential(random, apart)) times.push(time);
  }
  return times;
}

const without = (times: readonly number[], from: number, until: number) => times.filter((time) => time < from || time >= until);

describe('a silence', () => {
  it.each([1, 5, 20, 60, 300, 1800])('is never suspected on a symbol that trades every %i s at random', (mean) => {
    let alarms = 0;
    for (let seed = 1; seed <= 6; seed++) alarms += suspicious(poisson(seed * 31 + mean, mean, mean < 5 ? 2 : 8)).length;
    expect(alarms).toBe(0);
  });

  it.each([
    [120, 10, 0.3],
    [120, 3, 5],
    [600, 40, 1.5],
    [1800, 100, 0.1],
    [240, 30, 2],
  ])('is not suspected between bursts: every %i s some %i trades %f s apart', (pause, size, apart) => {
    let alarms = 0;
    for (let seed = 1; seed <= 8; seed++) alarms += suspicious(bursts(seed * 17 + pause, pause, size, apart, 8)).length;
    expect(alarms).toBe(0);
  });

  it('is not suspected at night on a symbol that is then ten times as quiet', () => {
    const quiet = (time: number) => ((time / HOUR) % 24 < 6 ? 0.1 : 1);
    let alarms = 0;
    for (let seed = 1; seed <= 8; seed++) alarms += suspicious(poisson(seed, 20, 8, quiet)).length;
    expect(alarms).toBe(0);
  });

  it.each([
    [0.2, 90],
    [1, 90],
    [5, 150],
    [20, 600],
    [60, 1800],
    [300, 8 * HOUR],
  ])('is suspected where trades come every %f s at random and then not for %i s', (mean, length) => {
    for (let seed = 1; seed <= 4; seed++) {
      const days = mean < 1 ? 1 : mean < 5 ? 2 : 8;
      const from = (days - 1) * DAY + 10.3 * HOUR;
      const found = suspicious(without(poisson(seed, mean, days), from, from + length));
      expect(found).toHaveLength(1);
      expect(found[0]?.from).toBeLessThanOrEqual(from);
      expect((found[0]?.from ?? 0) + (found[0]?.length ?? 0)).toBeGreaterThanOrEqual(from + length);
    }
  });

  it('is suspected although others are like it: an hour lost every day, three gaps within one hour', () => {
    let daily = poisson(3, 2, 5);
    for (let day = 0; day < 5; day++) daily = without(daily, day * DAY + 7.5 * HOUR, day * DAY + 8.5 * HOUR);
    expect(suspicious(daily)).toHaveLength(5);
    let hour = poisson(4, 1, 1);
    for (const minute of [5, 20, 40]) hour = without(hour, 9 * HOUR + minute * 60, 9 * HOUR + (minute + 12) * 60);
    expect(suspicious(hour)).toHaveLength(3);
  });

  it('of a regular feed is 20 times its interval long', () => {
    const regular = Array.from({ length: 8 * 8640 }, (_, index) => index * 10);
    const limit = (times: readonly number[]) => {
      const intervals = new Intervals();
      for (const [index, time] of times.entries()) {
        const before = times[index - 1] ?? time;
        if (index > 0) intervals.add(Math.floor(before / HOUR) % 24, 1, time - before);
      }
      return intervals.ordinarySilence(3, 500);
    };
    expect(limit(regular)).toBeCloseTo(200, 9);
    expect(limit(regular.map((time) => time / 100))).toBe(60);
  });

  it('says nothing of a symbol of which too little is known', () => {
    expect(suspicious([0, 1, 2, 3, 4, 50_000])).toEqual([]);
    expect(new Intervals().ordinarySilence(0, 1e6)).toBeUndefined();
  });
});
