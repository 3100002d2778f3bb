import { expect, it } from 'vitest';
import { OverflowNotice } from '../../../../src/lib/capture/live/record-queue.js';
import type { AnyRecord } from '../../../../src/lib/model/records.js';

it('tells of all symbols in one line, at most every 10 s, and of the rest at the end', () => {
  const lines: string[] = [];
  const notice = new OverflowNotice(200, (line) => lines.push(line));
  const record = (type: string, symbol: string) => ({ type, exchange: 'bybit', market: 'linear', symbol }) as AnyRecord;
  for (let n = 0; n < 300; n++) notice.add(record('trade', `S${n}`), 'dropped and fetched again');
  notice.add(record('ticker', 'S1'), 'dropped (gap overflow)');
  notice.add(record('ticker', 'S1'), 'dropped (gap overflow)');
  notice.log(1_000);
  notice.add(record('ticker', 'S2'), 'dropped (gap overflow)');
  notice.log(10_000);
  expect(lines).toEqual([
    'outputs are too slow: 200 records are waiting; trade records of 300 symbols dropped and fetched again; ticker records of 1 symbol dropped (gap overflow)',
  ]);
  notice.log(11_000);
  notice.log(30_000);
  notice.add(record('ticker', 'S3'), 'dropped (gap overflow)');
  notice.log(30_001, true);
  expect(lines.length).toBe(3);
});
