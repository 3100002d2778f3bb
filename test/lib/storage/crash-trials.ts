import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { withDatabase } from '../../../src/lib/storage/database/duckdb.js';
import { pathList } from '../../../src/lib/storage/database/record-load.js';
import { openStoreWriter } from '../../../src/lib/storage/store-writer.js';
import { startWriter } from './child-writer.js';
import { rowsOf, sleep } from './support.js';

/** Returns the ids in a store, and expects that none is there twice. */
export async function storedIds(directory: string): Promise<Set<string>> {
  const ids = (await rowsOf(directory, 'SELECT id FROM trade')).map(([id]) => String(id));
  expect(new Set(ids).size, 'a trade is stored twice').toBe(ids.length);
  return new Set(ids);
}

/**
 * Kills a writer that seals and merges at a random moment, and expects every printed trade to be there, before and
 * after the next writer has recovered, none twice, nothing made up, and every file to open.
 */
export async function crashTrial(directory: string, killAfterMs: number): Promise<{ printed: number }> {
  const writer = startWriter(directory, { sealEveryMs: 120, batch: 20, pauseMs: 1 });
  await writer.ready;
  await sleep(killAfterMs);
  writer.process.kill('SIGKILL');
  await writer.ended;
  expect(writer.stderr()).toBe('');
  const before = await storedIds(directory);
  for (const id of writer.printed) expect(before, `printed before the kill: ${id}`).toContain(id);
  await (await openStoreWriter(directory, { step: 'recovery' })).close();
  const after = await storedIds(directory);
  expect([...after].sort()).toEqual([...before].sort());
  // At most the batch that was being written is stored without having been printed.
  expect(after.size - writer.printed.length).toBeLessThanOrEqual(40);
  expect(await readdir(join(directory, 'journal'))).toEqual([]);
  await everyFileOpens(directory);
  return { printed: writer.printed.length };
}

async function everyFileOpens(directory: string): Promise<void> {
  const names = (await readdir(directory, { recursive: true })) as string[];
  const paths = names.filter((name) => name.endsWith('.parquet')).map((name) => join(directory, name));
  if (paths.length === 0) return;
  await withDatabase({}, (database) => database.number(`SELECT count(*) FROM read_parquet(${pathList(paths)})`));
}
