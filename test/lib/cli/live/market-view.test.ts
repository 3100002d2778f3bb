import { describe, expect, it } from 'vitest';
import { keysIn } from '../../../../src/lib/cli/keys.js';
import { MarketBoard } from '../../../../src/lib/cli/live/market-board.js';
import { MarketView } from '../../../../src/lib/cli/live/market-view.js';
import { createColors } from '../../../../src/lib/cli/output/colors.js';
import type { AnyRecord } from '../../../../src/lib/model/records.js';

const PLAIN = createColors({});
const START = 1_795_132_800_000_000;

const trade = (symbol: string, price: number, number: number): AnyRecord => ({
  ...{ type: 'trade', exchange: 'bybit', market: 'linear', symbol, id: `${number}`, price, amount: 1, side: 'buy' },
  ...{ timestamp: START + number, localTimestamp: START + number + 42_000 },
});
const gap = (symbol: string, missing: boolean): AnyRecord => ({
  ...{ type: 'gap', exchange: 'bybit', market: 'linear', symbol, channel: 'trade', reason: 'disconnect', repaired: 0, missing },
  ...{ timestamp: START, fromTimestamp: START, untilTimestamp: START },
});

/** 30 symbols; S01 has most trades, S30 fewest. */
function busyBoard(): MarketBoard {
  const board = new MarketBoard();
  for (let index = 1; index <= 30; index++) {
    const symbol = `S${String(index).padStart(2, '0')}USDT`;
    board.add(Array.from({ length: 61 - 2 * index }, (_, number) => trade(symbol, 100 + number, number)));
  }
  return board;
}

const symbolsOf = (lines: readonly string[]) => lines.flatMap((line) => /^S\d\dUSDT/.exec(line) ?? []);

describe('the market on a terminal', () => {
  it.each([80, 120, 200])('fits %i columns, the busiest symbols first', (columns) => {
    const view = new MarketView('storing trade of 30 symbols in ./data', PLAIN, true);
    const lines = view.lines(['00:00:10   subscribed 30'], busyBoard().rows(), { width: columns - 1, rows: 12 });
    expect(lines).toHaveLength(12);
    for (const line of lines) expect(line.length).toBeLessThan(columns);
    expect(symbolsOf(lines)).toEqual(['S01', 'S02', 'S03', 'S04', 'S05', 'S06', 'S07', 'S08'].map((name) => `${name}USDT`));
    expect(lines.join('\n')).toContain('storing trade of 30 symbols in ./data');
    expect(lines.at(-1)).toContain('8 of 30 symbols');
    expect(lines[3]).toMatch(/^S01USDT +158 +\+58\.00% +– +59\.0 +42 ms +0$/);
  });

  it('leaves out columns, then symbols, where a window is small', () => {
    const view = new MarketView('storing', PLAIN, false);
    const narrow = view.lines(['status'], busyBoard().rows(), { width: 24, rows: 8 });
    expect(narrow[3]).toMatch(/^S01USDT +158 *(?:\+58\.00%)?$/);
    expect(symbolsOf(view.lines(['status'], busyBoard().rows(), { width: 79, rows: 5 }))).toEqual([]);
  });

  it('scrolls, filters, pauses and ends by keys', () => {
    const board = busyBoard();
    const view = new MarketView('storing', PLAIN, true);
    const room = { width: 79, rows: 10 };
    const shown = () => symbolsOf(view.lines(['status'], board.rows(), room));
    const press = (text: string) => keysIn(text).map((key) => view.press(key, () => board.rows()));
    press('\u001B[B\u001B[B');
    expect(shown()[0]).toBe('S03USDT');
    press('\u001B[6~\u001B[6~\u001B[6~\u001B[6~');
    expect(shown()).toEqual(['S25', 'S26', 'S27', 'S28', 'S29', 'S30'].map((name) => `${name}USDT`));
    press('/s1');
    expect(shown()).toHaveLength(6);
    expect(press('q')).toEqual([false]);
    expect(shown()).toEqual([]);
    press('\u007F4\r');
    expect(shown()).toEqual(['S14USDT']);
    press('\u001B');
    expect(shown()[0]).toBe('S01USDT');
    press('p');
    board.add(Array.from({ length: 200 }, (_, number) => trade('S30USDT', 7, 1_000 + number)));
    expect(shown()[0]).toBe('S01USDT');
    press('p');
    expect(shown()[0]).toBe('S30USDT');
    expect(press('q')).toEqual([true]);
  });

  it('counts only gaps whose records are missing, and rates of the last seconds', () => {
    const board = new MarketBoard();
    board.add([trade('S01USDT', 100, 1), gap('S01USDT', true), gap('S01USDT', false), gap('S01USDT', true)]);
    expect(board.rows()[0]).toMatchObject({ gaps: 2, rate: 1 });
    for (let second = 0; second < 4; second++) board.tick();
    expect(board.rows()[0]?.rate).toBe(1 / 4);
    for (let second = 0; second < 10; second++) board.tick();
    expect(board.rows()[0]?.rate).toBe(0);
  });
});
