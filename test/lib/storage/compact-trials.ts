import { expect } from 'vitest';
import { seeded } from '../../support/random.js';
import { startWriter } from './child-writer.js';
import { compact, DAY, globOf, NOW, plainRows, treeOf } from './compact-support.js';
import { readAll, rowsOf, START, sleep, trades, writeRun } from './support.js';

type CompactTrial = { readonly kills: number; readonly seed: number };

/** What a trial went through. */
type CompactTrialReport = {
  readonly trades: number;
  /** Runs that were killed in their work; the others had come to their end first. */
  readonly killed: number;
  readonly reads: number;
};

/** So long (milliseconds) a run over these stores may take; kills are spread over it. */
const LONGEST_MS = 900;
/** Between two reads. */
const READ_PAUSE_MS = 100;
/** Trades of the days beside the one that is being written; each is written twice, in files of its own. */
const ADDED = 200;

/**
 * Kills compactions at random moments, beside a writer that adds to one of the days and readers that never stop. Expects
 * of every read: no error, no record twice, none missing, never fewer than the read before; then of a run to the end that
 * every record is there once, for mdtool and for a glob, and of one more that it changes nothing.
 */
export async function compactTrial(directory: string, { kills, seed }: CompactTrial): Promise<CompactTrialReport> {
  const random = seeded(seed);
  const expected = new Set<string>();
  const writer = startWriter(directory, {
    sealEveryMs: 500,
    batch: 10,
    pauseMs: 20,
    first: 10_000_000,
    symbol: 'XRPUSDT',
    start: START - 1e10,
  });
  await writer.ready;
  const readers = new Readers(directory, () => [...expected, ...writer.printed]);
  const reading = readers.run();
  // It is waited for in the end.
  reading.catch(() => {});
  let killed = 0;
  try {
    for (let kill = 0; kill < kills; kill++) {
      await addTrades(directory, kill, expected);
      const child = startWriter(directory, { now: NOW }, 'compact-process.mjs');
      await child.ready;
      await sleep(random() * LONGEST_MS);
      child.process.kill('SIGKILL');
      if ((await child.ended) === null) killed++;
      expect(child.stderr()).toBe('');
    }
  } finally {
    writer.process.kill('SIGKILL');
    await writer.ended;
    readers.stop();
  }
  await reading;
  expect(writer.stderr()).toBe('');
  for (const id of writer.printed) expected.add(id);
  await expectWhole(directory, expected);
  return { trades: expected.size, killed, reads: readers.reads };
}

/** Adds to two days, everything twice: what was fetched and what was captured. */
async function addTrades(directory: string, round: number, expected: Set<string>): Promise<void> {
  const fresh = trades(round * ADDED, (round + 1) * ADDED).map((trade, n) => ({
    ...trade,
    timestamp: trade.timestamp + (n % 2) * DAY,
  }));
  const options = { now: () => 0 };
  await writeRun(
    directory,
    fresh.map(({ localTimestamp: _, ...trade }) => trade),
    options,
  );
  await writeRun(directory, fresh, options);
  for (const { id } of fresh) expected.add(id);
}

/** Reads in a loop, by query and by record. */
class Readers {
  reads = 0;
  readonly #directory: string;
  readonly #known: () => string[];
  #isStopped = false;

  /** `known` returns the ids that a read which begins now must show. */
  constructor(directory: string, known: () => string[]) {
    this.#directory = directory;
    this.#known = known;
  }

  stop(): void {
    this.#isStopped = true;
  }

  async run(): Promise<void> {
    let last = 0;
    while (!this.#isStopped) {
      const known = this.#known();
      const ids = this.reads % 2 === 0 ? await queriedIds(this.#directory) : await readIds(this.#directory);
      const distinct = new Set(ids);
      expect(distinct.size, 'a record is there twice').toBe(ids.length);
      expect(ids.length, 'there are fewer than before').toBeGreaterThanOrEqual(last);
      expect(
        known.filter((id) => !distinct.has(id)),
        'records are missing',
      ).toEqual([]);
      last = ids.length;
      this.reads++;
      // Without it the readers take the time that the writer fills with files for them to read.
      await sleep(READ_PAUSE_MS);
    }
  }
}

async function queriedIds(directory: string): Promise<string[]> {
  return (await rowsOf(directory, 'SELECT id FROM trade')).map(([id]) => String(id));
}

async function readIds(directory: string): Promise<string[]> {
  return (await readAll(directory, { types: ['trade'] })).map((record) => (record.type === 'trade' ? record.id : ''));
}

async function expectWhole(directory: string, expected: ReadonlySet<string>): Promise<void> {
  expect((await compact(directory)).failures).toEqual([]);
  const ids = await queriedIds(directory);
  // At most the batch that was being written is stored without having been printed.
  expect(ids.length - expected.size).toBeLessThanOrEqual(20);
  expect([...expected].filter((id) => !new Set(ids).has(id))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
  const [plain] = await plainRows(
    `SELECT count(*) AS n, count(DISTINCT id) AS ids, count(DISTINCT filename) AS files, count(DISTINCT date) AS days
     FROM ${globOf(directory, 'trade').replace('hive_partitioning', 'filename = true, hive_partitioning')}`,
  );
  expect(plain).toEqual({ n: BigInt(ids.length), ids: BigInt(ids.length), files: plain?.days, days: plain?.days });
  // Of two copies the one that was captured counts.
  expect(await rowsOf(directory, 'SELECT count(*) FROM trade WHERE local_timestamp IS NULL')).toEqual([[0]]);
  const tree = treeOf(directory);
  expect((await compact(directory)).done).toEqual([]);
  expect(treeOf(directory)).toEqual(tree);
}
