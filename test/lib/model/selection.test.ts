import { describe, expect, it } from 'vitest';
import type { AnyRecord } from '../../../src/lib/model/records.js';
import { isSelected } from '../../../src/lib/model/selection.js';
import { clockRecord, gapRecord, tradeRecord } from '../../support/records.js';

const SINCE = 1_786_310_800_000_000;
const UNTIL = SINCE + 60_000_000;
const SELECTION = { exchanges: ['bybit'], markets: ['linear' as const], symbols: ['BTCUSDT'], since: SINCE, until: UNTIL };
const gap = (from: number, until: number) => ({ ...gapRecord, fromTimestamp: from, untilTimestamp: until, timestamp: until });

describe('a record is selected', () => {
  const cases: [what: string, record: AnyRecord, selected: boolean][] = [
    ['a trade at --since', tradeRecord({ timestamp: SINCE }), true],
    ['a trade before --since', tradeRecord({ timestamp: SINCE - 1 }), false],
    ['a trade just before --until', tradeRecord({ timestamp: UNTIL - 1 }), true],
    ['a trade at --until', tradeRecord({ timestamp: UNTIL }), false],
    ['a trade of another symbol', tradeRecord({ timestamp: SINCE, symbol: 'ETHUSDT' }), false],
    ['a trade of another market', tradeRecord({ timestamp: SINCE, market: 'spot' }), false],
    ['a gap that ends before --since', gap(SINCE - 9, SINCE - 1), false],
    ['a gap that overlaps --since', gap(SINCE - 9, SINCE + 9), true],
    ['a gap around the whole time', gap(SINCE - 9, UNTIL + 9), true],
    ['a gap that overlaps --until', gap(UNTIL - 9, UNTIL + 9), true],
    ['a gap behind --until', gap(UNTIL, UNTIL + 9), false],
    ['a gap of another symbol', { ...gap(SINCE, SINCE + 9), symbol: 'ETHUSDT' }, false],
    ['a clock of the market', { ...clockRecord, timestamp: SINCE }, true],
    ['a clock of another market', { ...clockRecord, timestamp: SINCE, market: 'spot' }, false],
    ['a clock of another exchange', { ...clockRecord, timestamp: SINCE, exchange: 'bitget' }, false],
    ['a clock beyond --until', { ...clockRecord, timestamp: UNTIL }, false],
  ];
  it.each(cases)('%s', (_, record, selected) => {
    expect(isSelected(record, SELECTION)).toBe(selected);
  });
});
