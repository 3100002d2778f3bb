import type { AnyRecord, RecordType } from '../../model/records.js';
import { FeatureEngine } from '../engine.js';
import type { EngineCounts, EngineOptions } from '../options.js';
import type { SymbolWarmUp } from '../symbol-series.js';
import { timeOrdered } from './time-ordered.js';

/** Rows as they come out, and what became of the input; the counts are whole when the records have ended. */
export type FeatureStep = {
  readonly records: AsyncGenerator<AnyRecord[]>;
  readonly counts: EngineCounts;
  /** Returns the record types that have arrived so far. */
  readonly seen: () => ReadonlySet<string>;
  /** Returns how far every symbol is from its first warm row. */
  readonly warmUp: () => readonly SymbolWarmUp[];
};

/** What features are made of; of one time a gap is read first. */
export const FEATURE_INPUTS: readonly RecordType[] = [
  'gap',
  'candle',
  'micro',
  'book_snapshot',
  'ticker',
  'mark_price',
  'open_interest',
  'funding',
  'trade',
  'clock',
];

/** Rows made at once (after a silence) are handed on in pieces of this size. */
const BATCH = 2048;

/** Yields the rows of an endless stream, each when the market clock passes it. */
export function streamFeatures(input: AsyncIterable<readonly AnyRecord[]>, options: EngineOptions): FeatureStep {
  const engine = new FeatureEngine(options);
  return { records: throughEngine(input, engine), counts: engine.counts, seen: () => engine.seen, warmUp: () => engine.warmUp() };
}

/**
 * Returns the rows of all records, whatever their order, late ones included; for input that ends. `byColumns` may read it
 * in another way, and yields what it is given where it cannot.
 */
export function batchFeatures(
  input: AsyncIterable<readonly AnyRecord[]>,
  options: EngineOptions,
  byColumns: (engine: FeatureEngine, otherwise: AsyncGenerator<AnyRecord[]>) => AsyncGenerator<AnyRecord[]> = (_, rows) => rows,
): FeatureStep {
  const engine = new FeatureEngine({ ...options, batch: true });
  const ordered = timeOrdered(foreseeing(input, engine), FEATURE_INPUTS, () => {
    engine.counts.unused += 1;
  });
  return {
    records: byColumns(engine, throughEngine(ordered, engine)),
    counts: engine.counts,
    seen: () => engine.seen,
    warmUp: () => engine.warmUp(),
  };
}

/** Passes the repairs of a complete input to an engine before its records. */
async function* foreseeing(
  input: AsyncIterable<readonly AnyRecord[]>,
  engine: FeatureEngine,
): AsyncGenerator<readonly AnyRecord[]> {
  for await (const records of input) {
    for (const record of records) if (record.type === 'gap' && !record.missing) engine.foresee(record);
    yield records;
  }
}

/** Feeds records through an engine, to the end of the input. */
async function* throughEngine(input: AsyncIterable<readonly AnyRecord[]>, engine: FeatureEngine): AsyncGenerator<AnyRecord[]> {
  for await (const records of input) {
    let batch: AnyRecord[] = [];
    for (const record of records) {
      for (const row of engine.add(record)) {
        batch.push(row);
        if (batch.length < BATCH) continue;
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  }
  yield* pieces(engine.finish());
}

/** Yields records in pieces. */
export function* pieces(records: Iterable<AnyRecord>): Generator<AnyRecord[]> {
  let batch: AnyRecord[] = [];
  for (const record of records) {
    batch.push(record);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
