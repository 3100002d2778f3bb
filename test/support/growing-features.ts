import { expect } from 'vitest';
import { buildStoredFeatures, type RowMaker } from '../../src/lib/features/store/built-features.js';
import { type BuiltRows, makeRows } from '../../src/lib/features/store/made-rows.js';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord, Candle } from '../../src/lib/model/records.js';
import { startStep } from '../../src/lib/storage/journal/step-lock.js';
import { openStoreWriter, type StoreWriter } from '../../src/lib/storage/store-writer.js';
import { readAll, START, temporaryDirectory, writeRun } from '../lib/storage/support.js';
import { seeded } from './random.js';
import { gapRecord } from './records.js';
import { syntheticMarket } from './synthetic-market.js';

const SECOND = 1_000_000;
const HOUR = 3_600 * SECOND;
const QUARTER = HOUR / 4;
export const WINDOWS = new Map([
  ['delta_z', 40],
  ['imb_shift', 20],
  ['ofi', 20],
  ['mark_dev_z', 120],
  ['oi_z', 100],
  ['realized_vol', 60],
]);
export const ENGINE = { grace: SECOND, windows: WINDOWS };

type Options = {
  readonly symbols?: readonly string[];
  readonly engine?: typeof ENGINE;
  readonly remote?: RowMaker | undefined;
  readonly stopped?: AbortSignal;
};

/** Brings the rows of a store up to date; returns what was changed. */
export async function build(directory: string, options: Options = {}): Promise<BuiltRows[]> {
  const { symbols, engine = ENGINE, remote, stopped = new AbortController().signal } = options;
  const step = await startStep(directory, 'features', { wait: true });
  if (!step) throw new Error('expected a store');
  const built: BuiltRows[] = [];
  const settings = { engine, selection: { symbols }, onRows() {}, onCounts() {}, stopped, remote };
  for await (const rows of buildStoredFeatures(step.context, settings)) built.push(rows);
  await step.release();
  return built.filter(({ changed }) => changed);
}

/** Brings the rows of a store up to date in rounds that end at any quarter of an hour, and often stops after one of them. */
async function buildInRounds(directory: string, random: () => number): Promise<void> {
  const stop = new AbortController();
  const remote: RowMaker = {
    roundEnds({ stale, limit }) {
      const first = Math.min(...[...stale.values()].map((one) => one.first));
      const ends: number[] = [];
      for (let end = Math.ceil(first / QUARTER) * QUARTER; end <= limit; end += QUARTER) if (random() < 0.4) ends.push(end);
      return ends;
    },
    fill: makeRows,
    async written() {
      if (random() < 0.4) stop.abort();
    },
  };
  await build(directory, { remote, stopped: stop.signal });
}

/** Rows that only one of two stores has. */
export function differences(found: readonly string[], expected: readonly string[]): string[] {
  const [a, b] = [new Set(found), new Set(expected)];
  if (a.size !== found.length) return [`${found.length - a.size} rows are there twice`];
  const [more, less] = [found.filter((row) => !b.has(row)), expected.filter((row) => !a.has(row))];
  return [...more.slice(0, 3).map((row) => `+ ${row}`), ...less.slice(0, 3).map((row) => `- ${row}`)];
}

export async function rowsOf(directory: string): Promise<string[]> {
  return (await readAll(directory, { types: ['micro', 'features'] })).map(encodeRecord).sort();
}

/** The rows that one run gives over all records of a store. */
export async function rowsOfOneRun(directory: string): Promise<string[]> {
  const whole = await temporaryDirectory();
  const raw = (await readAll(directory)).filter(({ type }) => type !== 'micro' && type !== 'features');
  await writeRun(whole, raw);
  await build(whole);
  return await rowsOf(whole);
}

export const market = (symbol: string, start: number, hours: number, seed: number, dense = true) => [
  ...syntheticMarket({ seed, start, hours, denseHours: dense ? hours : 0, events: [], symbol }),
];
export const raw = (records: readonly AnyRecord[]) => records.filter(({ type }) => type !== 'clock');
export const byArrival = (records: readonly AnyRecord[]) =>
  [...records].sort((a, b) => (a.localTimestamp ?? a.timestamp) - (b.localTimestamp ?? b.timestamp));

const names = { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT' } as const;

function candle(start: number, fields: Partial<Candle> = {}): Candle {
  const prices = { open: 84_000, high: 84_200, low: 83_900, close: 84_100, volume: 10 };
  const arrival = { timestamp: start, localTimestamp: start + 900 * SECOND + 5 };
  return { type: 'candle', ...names, interval: '15m', source: 'exchange', ...arrival, ...prices, closed: true, ...fields };
}

/**
 * Lets a store of three symbols grow in random steps, sealed or not, with trades that come late and gaps that become
 * known late, and brings its rows up to date in between: in the end they must be those of one run. A step takes at most
 * one of so many `parts` of the records. `inRounds`: the rows are made a part of the time after the other, as on workers.
 */
export async function growRandomly(seed: number, hours: number, parts = 4, inRounds = false): Promise<void> {
  const random = seeded(seed);
  const grow = async () => await (inRounds ? buildInRounds(directory, random) : build(directory));
  const pick = (most: number) => Math.floor(random() * most);
  const directory = await temporaryDirectory();
  const midnight = START + 14 * HOUR;
  const start = random() < 0.5 ? START : midnight - 600 * SECOND;
  const late = raw(market('BTCUSDT', start + 400 * SECOND, 0.02, seed + 50)).map((record) =>
    record.type === 'trade' ? { ...record, id: `late-${record.id}`, localTimestamp: undefined } : undefined,
  );
  const gaps = Array.from({ length: pick(4) }, () => {
    const from = start + pick(hours * 3_000) * SECOND;
    const until = from + (1 + pick(90)) * SECOND;
    const channel = ['trade', 'book', 'ticker'][pick(3)] as string;
    return {
      ...gapRecord,
      ...names,
      channel,
      fromTimestamp: from,
      untilTimestamp: until,
      timestamp: until,
      localTimestamp: until + pick(5 * SECOND),
      missing: true,
    };
  });
  const live = byArrival([
    ...raw(market('BTCUSDT', start, hours, seed)),
    ...raw(market('ETHUSDT', start + 300 * SECOND, hours * 0.6, seed + 10)),
    ...raw(market('XRPUSDT', start, hours * 0.2, seed + 20, false)),
    ...raw(market('XRPUSDT', start + hours * 3_000 * SECOND, 0.03, seed + 21, false)).map((record) =>
      record.type === 'trade' ? { ...record, id: `second-${record.id}` } : record,
    ),
    ...Array.from({ length: 220 }, (_, index) =>
      candle(Math.ceil(start / (900 * SECOND)) * 900 * SECOND - (index + 1) * 900 * SECOND),
    ),
    ...gaps,
  ] as AnyRecord[]);
  let writer: StoreWriter | undefined;
  for (let from = 0; from < live.length; ) {
    const until = from + 1 + pick(live.length / parts);
    writer ??= await openStoreWriter(directory, { step: 'test' });
    await writer.write(live.slice(from, until));
    if (random() < 0.2) await writer.write(late.filter((record): record is never => record !== undefined && random() < 0.3));
    if (random() < 0.5) {
      await writer.close();
      writer = undefined;
    }
    if (random() < 0.7) await grow();
    from = until;
  }
  await writer?.close();
  await grow();
  await build(directory);
  expect(differences(await rowsOf(directory), await rowsOfOneRun(directory))).toEqual([]);
  expect(await build(directory)).toEqual([]);
}

/** The same for days of a market with silences, a day without data, and candles that come later. */
export async function growThinly(hours: number, inRounds = false): Promise<void> {
  const directory = await temporaryDirectory();
  const random = seeded(9);
  const grow = async () => await (inRounds ? buildInRounds(directory, random) : build(directory));
  const records = byArrival(
    raw(market('BTCUSDT', START, hours, 3, false)).filter(({ timestamp }) => Math.floor(timestamp / HOUR) % 7 !== 0),
  );
  const broken = records.filter(({ timestamp }) => timestamp < START + 10 * HOUR || timestamp > START + 36 * HOUR);
  for (let from = 0; from < broken.length; ) {
    const until = from + 1 + Math.floor(random() * 12_000);
    await writeRun(directory, broken.slice(from, until));
    if (random() < 0.8) await grow();
    from = until;
  }
  await build(directory);
  await writeRun(directory, [
    candle(START - 900 * SECOND, { localTimestamp: undefined }),
    candle(START + 20 * HOUR),
    candle(START + (hours - 2) * HOUR),
  ]);
  await grow();
  await build(directory);
  expect(differences(await rowsOf(directory), await rowsOfOneRun(directory))).toEqual([]);
}
