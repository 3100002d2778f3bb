import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A store as the disk shows it. */
export type StoreSize = {
  readonly at: number;
  readonly bytes: number;
  readonly parquet: number;
  readonly journals: number;
  readonly log: number;
  /** Files that are neither: temporary and retired ones, heartbeats, runs. */
  readonly others: number;
};

/** Measures a store while others write to it. */
export async function sizeOf(store: string): Promise<StoreSize> {
  const size = { at: Date.now(), bytes: 0, parquet: 0, journals: 0, log: 0, others: 0 };
  for (const name of await readdir(store, { recursive: true }).catch(() => [])) {
    const facts = await stat(join(store, name)).catch(() => undefined);
    if (!facts?.isFile()) continue;
    size.bytes += facts.size;
    if (name.endsWith('.parquet')) size.parquet++;
    else if (name.startsWith('journal')) size.journals++;
    else if (name.startsWith(join('state', 'log'))) size.log++;
    else size.others++;
  }
  return size;
}
