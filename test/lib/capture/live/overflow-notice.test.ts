import { expect, it } from 'vitest';
import { OverflowNotice } from '../../../../src/lib/capture/live/overflow-notice.js';
import type { AnyRecord } from '../../../../src/lib/model/records.js';

it('tells of all symbols in one line, at most every 10 s, and of the rest at the end', () => {
  const lines: string[] = [];
  const notice = new OverflowNotice(200, (line) => lines.push(line));
  const record = (type: string, symbol: string) => ({ type, exchange: 'bybit', market: 'linear', symbol }) as AnyRecord;
  for (let n = 0; n < 300; n++) notice.note(record('trade', `S${n}`), 'left out, to be fetched again');
  notice.note(record('ticker', 'S1'), 'dropped (gap overflow)');
  notice.note(record('ticker', 'S1'), 'dropped (gap overflow)');
  notice.tell(1_000);
  notice.note(record('ticker', 'S2'), 'dropped (gap overflow)');
  notice.tell(10_000);
  expect(lines).toEqual([
    'outputs are too slow: 200 records wait; trade records of 300 symbols are left out, to be fetched again; ticker records of 1 symbol are dropped (gap overflow)',
  ]);
  notice.tell(11_000);
  notice.tell(30_000);
  notice.note(record('ticker', 'S3'), 'dropped (gap overflow)');
  notice.tell(30_001, true);
  expect(lines.length).toBe(3);
});
