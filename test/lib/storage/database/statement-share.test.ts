import { afterAll, expect, it, vi } from 'vitest';
import { withDatabase } from '../../../../src/lib/storage/database/duckdb.js';

// Whether statements are followed is decided once a process, and other tests of this process follow none.
vi.resetModules();
const { followStatements, statementShare } = await import('../../../../src/lib/storage/database/statement-share.js');
const fresh = await import('../../../../src/lib/storage/database/duckdb.js');
afterAll(() => vi.resetModules());

const TABLE = 'CREATE TABLE numbers AS SELECT i FROM range(1000000) t(i)';
const SLOW = 'SELECT count(DISTINCT md5(i::VARCHAR)) FROM numbers';

it('knows how far the statement is that runs, in databases that are opened from then on', async () => {
  await fresh.withDatabase({ threads: 1 }, async (database) => {
    await database.run(TABLE);
    expect(await seenDuring(database.number(SLOW))).toEqual([]);
  });
  followStatements();
  await fresh.withDatabase({ threads: 1 }, async (database) => {
    await database.run(TABLE);
    expect(statementShare()).toBeUndefined();
    const seen = await seenDuring(database.number(SLOW));
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.every((share) => share > 0 && share <= 1)).toBe(true);
    expect(statementShare()).toBeUndefined();
  });
  expect(statementShare()).toBeUndefined();
  await withDatabase({ threads: 1 }, async (database) => {
    expect(await seenDuring(database.number('SELECT 1'))).toEqual([]);
  });
});

async function seenDuring(work: Promise<unknown>): Promise<number[]> {
  const seen: number[] = [];
  const timer = setInterval(() => {
    const share = statementShare();
    if (share !== undefined) seen.push(share);
  }, 5);
  await work.finally(() => clearInterval(timer));
  return seen;
}
