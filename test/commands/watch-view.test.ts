import { describe, expect, it } from 'vitest';
import { watchScreen } from '../../src/commands/watch/view.js';
import { createColors } from '../../src/lib/cli/output/colors.js';
import type { RecordOf } from '../../src/lib/model/records.js';
import type { WatchedSymbol } from '../../src/lib/pipeline/watch.js';
import { DEFAULT_RULES } from '../../src/lib/signals/rules.js';

const PLAIN = createColors({});
const END = Date.UTC(2026, 10, 20, 16, 9, 30) * 1_000;
const SERIES = { exchange: 'bybit', market: 'linear' } as const;

/** A symbol whose triggers stand at a share of their thresholds. */
function symbol(name: string, share: number, more: Partial<WatchedSymbol> = {}): WatchedSymbol {
  const values = { deltaZ: 2 * share, imbShift: 0.15 * share, markDevZ: share, spreadBps: 0.5, atr15mPct: 0.4, ageMs: 300 };
  const row = {
    ...SERIES,
    type: 'features',
    symbol: name,
    timestamp: END,
    knownTimestamp: END,
    close: 100,
    warm: true,
    gapInWindow: false,
    ...values,
  };
  return {
    ...SERIES,
    symbol: name,
    row: row as RecordOf<'features'>,
    warmUp: { ...SERIES, symbol: name, end: END, features: [] },
    paper: undefined,
    ...more,
  };
}

const COLD: WatchedSymbol = (() => {
  const base = symbol('ETHUSDT', 0.2);
  const feature = { name: 'mark_dev_z', have: 360, need: 3_600, unit: 'seconds', ready: END + 3_240_000_000 } as const;
  const row = { ...base.row, warm: false, markDevZ: undefined, detail: { mark_dev_z: 'warming' } };
  return { ...base, row, warmUp: { ...SERIES, symbol: 'ETHUSDT', end: END, features: [feature] } };
})();

const paper = { signals: 3, skipped: 1, trades: [{}, {}] as never, open: 1, net: 12.404, fees: 3 };

function screen(symbols: readonly WatchedSymbol[], width: number, rows = 20): string[] {
  const view = {
    symbols,
    rules: () => DEFAULT_RULES,
    captured: 40,
    candles: { done: 3, all: 40 },
    seconds: 75,
    troubles: ['gaps 2'],
  };
  return watchScreen(view, { width, rows, colors: PLAIN });
}

describe('the screen of a watch', () => {
  it.each([80, 120, 200])('fits %i columns: values against the rules, what is warming, the result on paper', (columns) => {
    const lines = screen([symbol('BTCUSDT', 1.2, { paper }), COLD], columns - 1);
    for (const line of lines) expect(line.length).toBeLessThan(columns);
    expect(lines[0]).toMatch(/^00:01:15 {2}1 of 40 symbols warm {3}candles of 3 of 40/);
    expect(lines[1]).toMatch(/^symbol +price +delta_z ±2 +imb_shift ±0\.15 +mark_dev_z ±1/);
    expect(lines[2]).toMatch(/^BTCUSDT +100 +2\.40 +0\.18 +1\.20/);
    const text = lines.join('\n');
    expect(text).toContain('mark_dev_z 6 of 60 min, first signal possible at 17:04');
    expect(text).toContain('1 position open');
    if (columns >= 120) expect(text).toContain('3 signals, 2 trades closed, 1 open, +12.40 on paper');
    if (columns >= 120) expect(lines[2]).toMatch(/\+12\.40/);
  });

  it('shows the symbols nearest to a signal, with a position first, where not all fit', () => {
    const many = Array.from({ length: 30 }, (_, index) => symbol(`S${String(index).padStart(2, '0')}USDT`, index / 40));
    const open = symbol('AAAUSDT', 0, { paper });
    const shown = screen([open, ...many], 199, 8).flatMap((line) => /^\w+USDT/.exec(line) ?? []);
    expect(shown).toEqual(['AAAUSDT', 'S26USDT', 'S27USDT', 'S28USDT', 'S29USDT']);
    expect(screen([open, ...many], 199, 8).at(-1)).toContain('26 more symbols');
  });

  it('names the gate that is shut and the input that is missing', () => {
    const wide = symbol('BTCUSDT', 1.5);
    expect(screen([{ ...wide, row: { ...wide.row, spreadBps: 9 } }], 119).join('\n')).toContain('gate spread');
    const silent = { ...wide.row, deltaZ: undefined, detail: { delta_z: 'thin' } };
    expect(screen([{ ...wide, row: silent }], 119).join('\n')).toContain('delta_z: too few trades');
  });
});
