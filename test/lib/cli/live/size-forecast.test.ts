import { describe, expect, it } from 'vitest';
import { sizeForecast } from '../../../../src/lib/cli/live/size-forecast.js';
import type { Channel, Subscription } from '../../../../src/lib/exchanges/exchange.js';

const SECOND = 1_000_000;

function subscriptions(channel: Channel, count: number): Subscription[] {
  const symbols = Array.from({ length: count }, (_, index) => `S${index}USDT`);
  return symbols.map((symbol) => ({ market: 'linear', channel, symbol }));
}

/** Bytes a day of `1,000 books: up to 15.6 GB a day`. */
function bytesOf(sentence: string | undefined): number {
  const [, size, unit] = /up to ([\d.]+) (GB|MB) a day/.exec(sentence ?? '') ?? [];
  return Number(size) * (unit === 'GB' ? 1e9 : 1e6);
}

describe('the size of a capture', () => {
  it('is no word worth for a few books, or without any', () => {
    expect(sizeForecast(subscriptions('book', 19), SECOND, 15)).toBeUndefined();
    expect(sizeForecast(subscriptions('trade', 500), SECOND, 15)).toBeUndefined();
  });

  it('follows the books, their depth and how often they are given', () => {
    const once = bytesOf(sizeForecast(subscriptions('book', 1000), SECOND, 15));
    expect(once).toBe(15.6e9);
    expect(bytesOf(sizeForecast([...subscriptions('book', 500), ...subscriptions('book', 500)], SECOND, 15))).toBe(once);
    expect(bytesOf(sizeForecast(subscriptions('book', 1000), SECOND, 30)) / once).toBeCloseTo(2, 1);
    expect(bytesOf(sizeForecast(subscriptions('book', 1000), 2 * SECOND, 15)) / once).toBeCloseTo(0.5, 1);
  });

  it('counts every change, of which a book has no more for being asked more often', () => {
    const changes = sizeForecast(subscriptions('book_delta', 100), SECOND, 15);
    expect(changes).toMatch(/^100 books with every change: /);
    expect(bytesOf(changes)).toBe(5.2e9);
    expect(sizeForecast(subscriptions('book', 1000), 1, 15)).toBe(sizeForecast(subscriptions('book', 1000), SECOND / 10, 15));
  });
});
