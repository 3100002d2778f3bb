import { describe, expect, it } from 'vitest';
import { MarketClock } from '../../../../src/lib/capture/session/market-clock.js';
import { DAY, SECOND } from '../../../../src/lib/model/time.js';

const START = 1_786_310_820 * SECOND;
const ticksOf = (clock: MarketClock, at: number) => clock.due(at).map(({ timestamp }) => timestamp);

describe('MarketClock', () => {
  it('does not follow one push time that is far ahead of all others', () => {
    const clock = new MarketClock('bybit', 'linear');
    clock.observe(START, START + 50_000);
    expect(ticksOf(clock, START + 50_000)).toEqual([START]);
    clock.observe(START + 365 * DAY, START + SECOND);
    clock.observe(START + 2 * SECOND, START + 2 * SECOND + 50_000);
    clock.observe(START + 9 * DAY, START + 3 * SECOND);
    expect(ticksOf(clock, START + 3 * SECOND + 50_000)).toEqual([START + SECOND, START + 2 * SECOND, START + 3 * SECOND]);
  });

  it('follows when the exchange itself has leapt, and after a silence however long', () => {
    const clock = new MarketClock('bybit', 'linear');
    clock.observe(START, START);
    clock.observe(START + 5 * DAY, START + 5 * DAY);
    expect(clock.time(START + 5 * DAY)).toBe(START + 5 * DAY);
    clock.observe(START + 8 * DAY, START + 5 * DAY + SECOND);
    clock.observe(START + 8 * DAY + SECOND, START + 5 * DAY + 2 * SECOND);
    expect(clock.time(START + 5 * DAY + 2 * SECOND)).toBe(START + 8 * DAY + SECOND);
  });
});
