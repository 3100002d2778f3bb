import { expect } from 'vitest';
import { startWriter } from './child-writer.js';
import { readAll, rowsOf } from './support.js';

type ReaderTrial = {
  /** Reads until there were so many. */
  readonly reads: number;
  readonly sealEveryMs: number;
};

type Seen = { count: number; least: number; greatest: number; distinct: number };

/**
 * Reads in a loop beside two writers that seal all the time, with merges running after every seal. Expects of every
 * read: no error, no record twice, no hole, and never fewer records than the read before.
 */
export async function readerTrial(directory: string, { reads, sealEveryMs }: ReaderTrial): Promise<number> {
  const writers = ['BTCUSDT', 'ETHUSDT'].map((symbol, index) =>
    startWriter(directory, { sealEveryMs, batch: 10, pauseMs: 2, symbol, first: index * 1e7 }),
  );
  await Promise.all(writers.map(({ ready }) => ready));
  let last = new Map<string, number>();
  try {
    for (let read = 0; read < reads; read++) {
      const printed = writers.map((writer) => writer.printed.length);
      const seen = read % 5 === 4 ? await seenByReader(directory) : await seenByQuery(directory, read % 10 === 3);
      for (const [symbol, { count, least, greatest, distinct }] of seen) {
        expect(distinct, 'a record is there twice').toBe(count);
        expect(greatest - least + 1, 'there is a hole').toBe(count);
        expect(count, 'there are fewer than before').toBeGreaterThanOrEqual(last.get(symbol) ?? 0);
      }
      const counts = new Map([...seen].map(([symbol, { count }]) => [symbol, count]));
      expect(counts.get('BTCUSDT') ?? 0, 'what was printed before is missing').toBeGreaterThanOrEqual(printed[0] as number);
      expect(counts.get('ETHUSDT') ?? 0, 'what was printed before is missing').toBeGreaterThanOrEqual(printed[1] as number);
      last = counts;
    }
  } finally {
    for (const { process } of writers) process.kill('SIGKILL');
    await Promise.all(writers.map(({ ended }) => ended));
  }
  expect(writers.map(({ stderr }) => stderr()).join('')).toBe('');
  return [...last.values()].reduce((sum, count) => sum + count, 0);
}

/** A cross join makes some questions take longer than a segment lives. */
async function seenByQuery(directory: string, isSlow: boolean): Promise<Map<string, Seen>> {
  const source = isSlow ? '(SELECT DISTINCT trade.* FROM trade, range(8))' : 'trade';
  const number = 'substr(id, 2)::BIGINT';
  const rows = await rowsOf(
    directory,
    `SELECT symbol, count(*), min(${number}), max(${number}), count(DISTINCT id) FROM ${source} GROUP BY symbol`,
  );
  return new Map(
    rows.map(([symbol, ...numbers]) => {
      const [count, least, greatest, distinct] = numbers.map(Number) as [number, number, number, number];
      return [String(symbol), { count, least, greatest, distinct }];
    }),
  );
}

async function seenByReader(directory: string): Promise<Map<string, Seen>> {
  const records = await readAll(directory, { types: ['trade'] });
  const numbers = new Map<string, number[]>();
  for (const record of records) {
    if (record.type !== 'trade') throw new Error(`unexpected ${record.type}`);
    const list = numbers.get(record.symbol) ?? [];
    list.push(Number(record.id.slice(1)));
    numbers.set(record.symbol, list);
  }
  return new Map(
    [...numbers].map(([symbol, list]) => {
      const [least, greatest] = [list[0] as number, list.at(-1) as number];
      return [symbol, { count: list.length, least, greatest, distinct: new Set(list).size }];
    }),
  );
}
