import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { useStoreCache } from '../../../src/lib/storage/files/bucket-cache.js';
import { findStore } from '../../../src/lib/storage/files/store-directory.js';
import { openStoreContext } from '../../../src/lib/storage/log/store-context.js';
import { openStoreWriter } from '../../../src/lib/storage/store-writer.js';
import { startWriter } from './child-writer.js';
import { DAY } from './compact-support.js';
import { readAll, rowsOf, START, trades } from './support.js';

/** Points the rest of a test at a server, from a machine that has seen nothing yet. */
export async function onNewMachine(environment: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const cache = await mkdtemp(join(tmpdir(), 'cache [1] '));
  useStoreCache(cache);
  onTestFinished(async () => {
    useStoreCache(undefined);
    vi.unstubAllEnvs();
    await rm(cache, { recursive: true, force: true });
  });
  return cache;
}

type Race = { readonly writers: number; readonly batches: number; readonly kills: ReadonlyMap<number, readonly number[]> };

/**
 * Lets processes seal into one store at the same time. Each is killed between a Parquet file and its change of the log, after
 * the numbers of changes in `kills`, and goes on where it was. Nothing acknowledged may be missing, nothing may be there twice, and the
 * log may have no gap.
 */
export async function raceWriters(location: string, environment: Readonly<Record<string, string>>, race: Race): Promise<void> {
  const runs = Array.from({ length: race.writers }, (_, number) => runWriter(location, environment, race, number));
  const acknowledged = (await Promise.all(runs)).flat();
  await onNewMachine(environment);
  const [[rows, distinct] = []] = await rowsOf(location, 'SELECT count(*)::INT, count(DISTINCT id)::INT FROM trade');
  const stored = new Set((await rowsOf(location, 'SELECT id FROM trade')).map(([id]) => id));
  expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
  expect([rows, distinct]).toEqual([race.writers * race.batches * 10, race.writers * race.batches * 10]);
  const paths = await findStore(location);
  if (!paths) throw new Error('there is no store');
  const numbers = (await paths.files.names(paths.log))
    .flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
  const { version, writers } = await openStoreContext(paths).log.read();
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => version - numbers.length + 1 + index));
  expect(version).toBeGreaterThanOrEqual(race.writers * race.batches);
  expect(writers.size).toBe(0);
}

async function runWriter(
  location: string,
  environment: Readonly<Record<string, string>>,
  { batches, kills }: Race,
  number: number,
): Promise<string[]> {
  const cache = await mkdtemp(join(tmpdir(), 'writer-cache-'));
  const acknowledged: string[] = [];
  try {
    for (const killAt of [...(kills.get(number) ?? []), -1]) {
      const options = { writer: number, batches, from: acknowledged.length / 10, killAt };
      const child = startWriter(location, options, 'bucket-process.mjs', { ...environment, MDTOOL_STORE_CACHE: cache });
      const code = await child.ended;
      acknowledged.push(...child.printed);
      if (code !== (killAt < 0 ? 0 : null)) throw new Error(`writer ${number} ended with ${code}: ${child.stderr()}`);
    }
    return acknowledged;
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

/** Stores ten trades on each of some days, and reads one of them on a machine that has no copies. Returns what is read. */
export async function readOneDay(location: string, environment: Readonly<Record<string, string>>, days: number) {
  await onNewMachine(environment);
  const writer = await openStoreWriter(location, { step: 'test' });
  for (let day = 0; day < days; day++) await writer.write(trades(day * 10, day * 10 + 10, { timestamp: START + day * DAY }));
  await writer.close();
  await onNewMachine(environment);
  const middle = START + Math.floor(days / 2) * DAY;
  return await readAll(location, { since: middle, until: middle + DAY });
}
