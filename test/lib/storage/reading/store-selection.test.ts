import { expect, it } from 'vitest';
import type { AnyRecord } from '../../../../src/lib/model/records.js';
import { isSelected } from '../../../../src/lib/model/selection.js';
import { Database } from '../../../../src/lib/storage/database/duckdb.js';
import { TableAppender } from '../../../../src/lib/storage/database/table-appender.js';
import { rowCondition } from '../../../../src/lib/storage/reading/store-selection.js';
import { gapRecord, tradeRecord } from '../../../support/records.js';

const [START, END] = [1_786_310_800_000_000, 1_786_310_800_000_006];
const times = Array.from({ length: 12 }, (_, index) => START - 3 + index);

it('SQL selects the rows that isSelected does, at every edge of the time', async () => {
  const gaps = times.flatMap((from) =>
    times
      .filter((until) => until >= from)
      .map((until) => ({ ...gapRecord, fromTimestamp: from, untilTimestamp: until, timestamp: until })),
  );
  const records: AnyRecord[] = [
    ...times.flatMap((timestamp) => [
      tradeRecord({ timestamp, id: `${timestamp}` }),
      tradeRecord({ timestamp, id: `${timestamp}`, symbol: 'ETHUSDT' }),
    ]),
    ...gaps,
  ];
  const selection = { exchanges: ['bybit'], markets: ['linear' as const], symbols: ['BTCUSDT'], since: START, until: END };
  const database = await Database.open();
  try {
    for (const type of ['trade', 'gap'] as const) {
      const own = records.filter((record) => record.type === type);
      const appender = await TableAppender.create(database, type);
      await appender.append(own);
      await appender.flush();
      const found = await database.number(`SELECT count(*) FROM "${type}" WHERE ${rowCondition(selection, type)}`);
      expect(found).toBe(own.filter((record) => isSelected(record, selection)).length);
      expect(found).toBeGreaterThan(0);
      expect(found).toBeLessThan(own.length);
    }
  } finally {
    await database.close();
  }
});
