import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { compactStore } from '../../../src/lib/storage/compact.js';
import { sqlText, withDatabase } from '../../../src/lib/storage/database/duckdb.js';
import { asPattern } from '../../../src/lib/storage/database/record-load.js';
import { storePaths } from '../../../src/lib/storage/files/store-directory.js';
import { openStoreContext } from '../../../src/lib/storage/log/store-context.js';
import type { Compaction, CompactOptions } from '../../../src/lib/storage/upkeep/compaction.js';
import { START } from './support.js';

export const DAY = 86_400_000_000;
/** Noon of the second day after the made-up trades begin: their day is over, tomorrow's is not. */
export const NOW = START + 2 * DAY + 2 * 3_600_000_000;

/** Compacts a store, and returns all that was told. */
export async function compact(directory: string, options: CompactOptions = {}) {
  const told = { done: [] as Compaction[], failures: [] as string[], warnings: [] as string[] };
  const report = await compactStore(
    openStoreContext(storePaths(directory)),
    { now: NOW, ...options },
    {
      onPlan() {},
      onDone: (compaction) => void told.done.push(compaction),
      onFailure: (_, { message }) => void told.failures.push(message),
      onWarning: (message) => void told.warnings.push(message),
    },
  );
  return { ...told, ...report };
}

/** Returns the content of every file of a store but those of its log, which grows by the lock alone. */
export function treeOf(directory: string): Record<string, string> {
  const names = (readdirSync(directory, { recursive: true }) as string[]).filter((name) => !name.startsWith(`state${sep}`));
  const files = names.filter((name) => statSync(join(directory, name)).isFile()).sort();
  return Object.fromEntries(
    files.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(directory, name)))
        .digest('hex'),
    ]),
  );
}

/** Returns a relation that reads a type as every other engine does: by a glob over what the directory shows. */
export function globOf(directory: string, type: string): string {
  return `read_parquet(${sqlText(`${asPattern(join(directory, type))}/**/*.parquet`)}, hive_partitioning = true)`;
}

/** Returns rows of a statement over a plain DuckDB. */
export function plainRows(sql: string): Promise<Record<string, unknown>[]> {
  return withDatabase({}, (database) => database.rows(sql));
}
