import { BrokenLines } from '../../input/broken-lines.js';
import { wholeUnlessStopped } from '../../input/closing.js';
import { isPiped } from '../../input/paths.js';
import { stoppedInput } from '../../input/stopped-input.js';
import type { StepRequest, StepRun, StoreStep } from '../../input/store-step.js';
import { UniqueTrades } from '../../input/unique-trades.js';
import { UsageError } from '../../model/errors.js';
import type { AnyRecord } from '../../model/records.js';
import { filtered, isInTime, isOfSelection } from '../../model/selection.js';
import type { Workers } from '../../redis/remote-jobs.js';
import { changeMetadata } from '../../storage/log/metadata.js';
import type { StoreContext } from '../../storage/log/store-context.js';
import type { EngineCounts, EngineOptions } from '../options.js';
import type { SymbolWarmUp } from '../symbol-series.js';
import { buildStoredFeatures } from './built-features.js';
import { featureMetadata, requireSameFeatureRules } from './feature-rules.js';
import { batchFeatures, type FeatureStep, streamFeatures } from './feature-step.js';
import { featuresOfFiles } from './file-features.js';
import type { RemoteFeatures } from './remote-features.js';
import { featuresOfStore } from './stored-features.js';

/** The rows that `features` makes. */
export const ROW_TYPES = ['micro', 'features'] as const;
export type RowType = (typeof ROW_TYPES)[number];

export type FeatureRequest = StepRequest & {
  readonly engine: EngineOptions;
  readonly rows: readonly RowType[];
  /** Called with the rows as they are made, also those that only go to the store. */
  readonly onRows: (records: readonly AnyRecord[]) => void;
  /** Make the rows of a store on these workers, not here. */
  readonly workers?: Workers | undefined;
};

/** Facts about a run of `features`. */
export type FeatureReport = {
  readonly counts: EngineCounts;
  /** Returns the record types that have arrived so far. */
  readonly seen: () => ReadonlySet<string>;
  /** Returns how far every symbol is from its first warm row; absent for a run into a store. */
  readonly warmUp?: (() => readonly SymbolWarmUp[]) | undefined;
  /** Lines and rows of INPUT that are not records. */
  readonly broken: { readonly count: number };
  /** Copies of trades in INPUT that were dropped. */
  readonly unique?: { readonly duplicates: number } | undefined;
  /** Rows that were stored, undefined when they went elsewhere. */
  readonly stored?: StoredRows | undefined;
};

/** Rows that went to the store. */
class StoredRows {
  readonly made = { micro: 0, features: 0 };
  /** Stored rows that also went elsewhere. */
  readonly shown = { micro: 0, features: 0 };

  get records(): number {
    return this.made.micro + this.made.features;
  }
}

/** The step `features`: over a store it computes what is new, late or repaired. */
export const featureStep: StoreStep<FeatureRequest, FeatureReport> = {
  name: 'features',

  overInput(request) {
    const { input, selection, engine, stopped, warn } = request;
    if (request.workers)
      throw new UsageError('--workers: workers read a store; leave INPUT out, after mdtool import has put the records there');
    const broken = new BrokenLines(warn);
    const unique = new UniqueTrades(
      (reason) => broken.broken(reason),
      (trade) => isOfSelection(trade, selection),
    );
    const all = unique.filter(stoppedInput(input, unique.listener, stopped));
    const records = filtered(all, (record) => isOfSelection(record, selection));
    const step = isPiped(input)
      ? streamFeatures(records, engine)
      : batchFeatures(records, engine, (own, otherwise) => featuresOfFiles(request, own, otherwise));
    // Rows before `since` fill the windows of those after it.
    const selected = filtered(step.records, (row) => isInTime(row, selection));
    return runOf({ ...step, records: selected }, request, { broken, unique });
  },

  async besideStore(request) {
    const { directory, selection, engine, stopped } = request;
    if (request.workers)
      throw new UsageError(
        '--workers: rows beside a store follow from all symbols in turn; leave -o and --plot out, and read the rows with mdtool query',
      );
    const step = await featuresOfStore(directory, selection, engine, stopped);
    return runOf({ ...step, records: wholeUnlessStopped(step.records, stopped) }, request, { broken: { count: 0 } });
  },

  intoStore(context, request, most) {
    requireBoth(request.rows);
    const stored = new StoredRows();
    const counts: EngineCounts = { inputs: 0, late: 0, revised: 0, unmarked: 0, unused: 0 };
    const seen = new Set<string>();
    const report: FeatureReport = { counts, seen: () => seen, broken: { count: 0 }, stored };
    return { records: build(context, request, { stored, counts, seen, most }), report };
  },

  async keepRules({ directory, engine, rows }) {
    requireBoth(rows);
    await changeMetadata(directory, (metadata) => {
      requireSameFeatureRules(metadata, engine);
      return featureMetadata(engine);
    });
  },
};

type Build = {
  readonly stored: StoredRows;
  readonly counts: EngineCounts;
  readonly seen: Set<string>;
  readonly most: number;
};

async function* build(context: StoreContext, request: FeatureRequest, facts: Build): AsyncGenerator<AnyRecord[]> {
  const { workers, engine, stopped } = request;
  const remote = workers && (await (await import('./remote-features.js')).RemoteFeatures.open(workers, engine, stopped));
  try {
    yield* buildRows(context, request, facts, remote);
  } finally {
    await remote?.close();
  }
}

async function* buildRows(
  context: StoreContext,
  { selection, engine, onRows, stopped }: FeatureRequest,
  { stored, counts, seen, most }: Build,
  remote: RemoteFeatures | undefined,
): AsyncGenerator<AnyRecord[]> {
  const onCounts = (more: EngineCounts, types: ReadonlySet<string>) => {
    for (const type of types) seen.add(type);
    for (const name of Object.keys(counts) as (keyof EngineCounts)[]) counts[name] += more[name];
  };
  const { exchanges, markets, symbols } = selection;
  const options = { engine, selection: { exchanges, markets, symbols }, onRows, onCounts, stopped, remote };
  for await (const built of buildStoredFeatures(context, options)) {
    if (!built.changed) continue;
    stored.made[built.type] += built.rows;
    if (most === 0) continue;
    for await (const batch of filtered(built.records(), (row) => isInTime(row, selection))) {
      stored.shown[built.type] += batch.length;
      yield batch;
    }
  }
}

function requireBoth(rows: readonly RowType[]): void {
  if (rows.length < ROW_TYPES.length)
    throw new UsageError('--rows: a store needs micro and features rows, since the next run continues from both');
}

function runOf(
  {
    records,
    counts,
    seen,
    warmUp,
  }: Pick<FeatureStep, 'counts' | 'seen' | 'warmUp'> & { readonly records: AsyncIterable<AnyRecord[]> },
  { rows, onRows }: FeatureRequest,
  input: Pick<FeatureReport, 'broken' | 'unique'>,
): StepRun<FeatureReport> {
  return { records: observed(onlyRows(records, rows), onRows), report: { counts, seen, warmUp, ...input } };
}

async function* observed(records: AsyncIterable<AnyRecord[]>, onRows: FeatureRequest['onRows']): AsyncGenerator<AnyRecord[]> {
  for await (const batch of records) {
    onRows(batch);
    yield batch;
  }
}

function onlyRows(records: AsyncIterable<AnyRecord[]>, rows: readonly RowType[]): AsyncIterable<AnyRecord[]> {
  const unwanted = new Set<string>(ROW_TYPES.filter((type) => !rows.includes(type)));
  return unwanted.size === 0 ? records : filtered(records, ({ type }) => !unwanted.has(type));
}
