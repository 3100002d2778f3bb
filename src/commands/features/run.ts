import type { Summary } from '../../lib/cli/summary.js';
import type { EngineCounts, EngineOptions } from '../../lib/features/options.js';
import { buildStoredFeatures } from '../../lib/features/store/built-features.js';
import { featureMetadata, requireSameFeatureRules } from '../../lib/features/store/feature-rules.js';
import { batchFeatures, type FeatureStep, streamFeatures } from '../../lib/features/store/feature-step.js';
import { stoppedInput } from '../../lib/features/store/stopped-input.js';
import { featuresOfStore } from '../../lib/features/store/stored-features.js';
import { untilStopped } from '../../lib/input/closing.js';
import { UsageError } from '../../lib/model/errors.js';
import type { AnyRecord } from '../../lib/model/records.js';
import { filtered, isInTime, isOfSelection, type RecordSelection } from '../../lib/model/selection.js';
import { changeMetadata } from '../../lib/storage/log/metadata.js';
import type { StoreContext } from '../../lib/storage/log/store-context.js';
import type { RowType } from './flags.js';
import type { FeatureTally } from './tally.js';

export type FeatureRun = {
  readonly records: AsyncIterable<AnyRecord[]>;
  /** Whole when the records have ended. */
  counts(): EngineCounts;
  /** Completes the summary. */
  summarize(summary: Summary): void;
};

/** What a run reads and how it computes. */
export type FeatureRequest = {
  /** Empty: the store. */
  readonly input: readonly string[];
  readonly store: string;
  readonly selection: RecordSelection;
  readonly engine: EngineOptions;
  readonly rows: readonly RowType[];
  readonly tally: FeatureTally;
  readonly stopped: AbortSignal;
  readonly warn: (message: string) => void;
};

/** Returns the rows of INPUT: of stdin as it comes, of files taken whole. */
export function featuresOfInput({ input, selection, engine, rows, tally, stopped, warn }: FeatureRequest): FeatureRun {
  let broken = 0;
  const listener = {
    broken(reason: string) {
      broken += 1;
      if (broken === 1) warn(reason);
    },
  };
  const records = filtered(stoppedInput(input, listener, stopped), (record) => isOfSelection(record, selection));
  const step = input.includes('-') ? streamFeatures(records, engine) : batchFeatures(records, engine);
  return {
    ...shownOf({ ...step, records: filtered(step.records, (row) => isInTime(row, selection)) }, rows, tally),
    summarize: (summary) => {
      if (broken > 0) summary.incomplete(`${broken} lines of the input are no records`);
    },
  };
}

/** Returns the rows of a store's records, which stay out of the store. */
export async function featuresBesideStore({
  store,
  selection,
  engine,
  rows,
  tally,
  stopped,
}: FeatureRequest): Promise<FeatureRun> {
  const step = await featuresOfStore(store, selection, engine);
  return { ...shownOf({ ...step, records: untilStopped(step.records, stopped) }, rows, tally), summarize() {} };
}

/** What a run put into the store. */
export class StoredRows {
  readonly made = { micro: 0, features: 0 };
  /** Of those, the ones that also went elsewhere. */
  readonly shown = { micro: 0, features: 0 };

  get records(): number {
    return this.made.micro + this.made.features;
  }
}

/** Returns a run that brings the rows of a store up to date, and gives those that it changed where somebody wants to see them. */
export function featuresIntoStore(
  context: StoreContext,
  request: FeatureRequest,
  stored: StoredRows,
  isShown: boolean,
): FeatureRun {
  const { selection, engine, rows, tally, stopped } = request;
  requireBoth(rows);
  const counts: EngineCounts = { inputs: 0, late: 0, revised: 0, unmarked: 0, unused: 0 };
  async function* records(): AsyncGenerator<AnyRecord[]> {
    const onCounts = (more: EngineCounts) => {
      for (const name of Object.keys(counts) as (keyof EngineCounts)[]) counts[name] += more[name];
    };
    const { exchanges, markets, symbols } = selection;
    const build = { engine, selection: { exchanges, markets, symbols }, onRows: tally.see.bind(tally), onCounts, stopped };
    for await (const built of buildStoredFeatures(context, build)) {
      if (!built.changed) continue;
      stored.made[built.type] += built.rows;
      if (!isShown) continue;
      for await (const batch of filtered(built.records(), (row) => isInTime(row, selection))) {
        stored.shown[built.type] += batch.length;
        yield batch;
      }
    }
  }
  return {
    records: records(),
    counts: () => counts,
    summarize(summary) {
      for (const type of ['micro', 'features'] as const) summary.count(type, stored.made[type] - stored.shown[type]);
    },
  };
}

/** Makes a store remember how rows that come from elsewhere were computed. Throws a `UsageError` when it has others. */
export async function keepFeatureRules({ store, engine, rows }: FeatureRequest): Promise<void> {
  requireBoth(rows);
  await changeMetadata(store, (metadata) => {
    requireSameFeatureRules(metadata, engine);
    return featureMetadata(engine);
  });
}

function requireBoth(rows: readonly RowType[]): void {
  if (rows.length < 2) throw new UsageError('--rows: a store gets micro and features rows: the next run goes on from both');
}

function shownOf({ records, counts }: FeatureStep, rows: readonly RowType[], tally: FeatureTally) {
  return { records: looked(onlyRows(records, rows), tally), counts: () => counts };
}

async function* looked(records: AsyncIterable<AnyRecord[]>, tally: FeatureTally): AsyncGenerator<AnyRecord[]> {
  for await (const batch of records) {
    tally.see(batch);
    yield batch;
  }
}

async function* onlyRows(records: AsyncIterable<AnyRecord[]>, rows: readonly RowType[]): AsyncGenerator<AnyRecord[]> {
  const unwanted = new Set<string>(['micro', 'features'].filter((type) => !rows.includes(type as RowType)));
  for await (const batch of records) {
    const wanted = unwanted.size === 0 ? batch : batch.filter(({ type }) => !unwanted.has(type));
    if (wanted.length > 0) yield wanted;
  }
}
