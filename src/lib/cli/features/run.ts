import type { EngineCounts, EngineOptions } from '../../features/options.js';
import { chosen, within } from '../../ingest/features/chosen.js';
import { batchFeatures, streamFeatures } from '../../ingest/features/feature-step.js';
import { stoppedInput } from '../../ingest/features/stopped-input.js';
import type { FeatureSelection } from '../../ingest/features/stored-features.js';
import { UsageError } from '../../model/errors.js';
import type { AnyRecord } from '../../model/records.js';
import type { RowType } from './flags.js';

export type FeatureRun = {
  readonly records: AsyncIterable<AnyRecord[]>;
  /** Whole when the records have ended. */
  counts(): EngineCounts;
  /** Lines and rows of INPUT that were no records. */
  broken(): number;
};

export type FeatureRunOptions = {
  /** Empty: the store. */
  readonly input: readonly string[];
  readonly store: string;
  /** Only what the store lacks is computed: it is where the rows go. */
  readonly intoStore: boolean;
  readonly selection: FeatureSelection;
  readonly engine: EngineOptions;
  readonly rows: readonly RowType[];
  readonly stopped: AbortSignal;
  readonly warn: (message: string) => void;
};

/** Opens what INPUT names, and the rows that follow from it. */
export async function openFeatures(options: FeatureRunOptions): Promise<FeatureRun> {
  const { input, rows } = options;
  if (options.intoStore && rows.length < 2)
    throw new UsageError('--rows: a store gets micro and features rows: the next run goes on from both');
  const run = input.length > 0 ? openInput(options) : await openStore(options);
  return { ...run, records: onlyRows(run.records, rows) };
}

function openInput({ input, selection, engine, stopped, warn }: FeatureRunOptions): FeatureRun {
  let broken = 0;
  const listener = {
    broken(reason: string) {
      broken += 1;
      if (broken === 1) warn(reason);
    },
  };
  const records = chosen(stoppedInput(input, listener, stopped), selection);
  const step = input.includes('-') ? streamFeatures(records, engine) : batchFeatures(records, engine);
  return { records: within(step.records, selection), counts: () => step.counts, broken: () => broken };
}

async function openStore({ store, intoStore, selection, engine, stopped }: FeatureRunOptions): Promise<FeatureRun> {
  const { featuresOfStore, newFeaturesOfStore } = await import('../../ingest/features/stored-features.js');
  const broken = () => 0;
  if (intoStore && selection.since === undefined) {
    const total: EngineCounts = { inputs: 0, rows: 0, warm: 0, late: 0, revised: 0, unmarked: 0, unused: 0 };
    const records = newFeaturesOfStore(store, selection, engine, (counts) => addTo(total, counts));
    return { records: untilStopped(records, stopped), counts: () => total, broken };
  }
  const step = featuresOfStore(store, selection, engine);
  // Gaps of the store are in it already.
  const records = intoStore ? withoutGaps(step.records) : step.records;
  return { records: untilStopped(records, stopped), counts: () => step.counts, broken };
}

function addTo(total: EngineCounts, counts: EngineCounts): void {
  for (const name of Object.keys(total) as (keyof EngineCounts)[]) total[name] += counts[name];
}

async function* untilStopped(records: AsyncIterable<AnyRecord[]>, stopped: AbortSignal): AsyncGenerator<AnyRecord[]> {
  for await (const batch of records) {
    yield batch;
    if (stopped.aborted) return;
  }
}

async function* withoutGaps(records: AsyncIterable<AnyRecord[]>): AsyncGenerator<AnyRecord[]> {
  for await (const batch of records) yield batch.filter(({ type }) => type !== 'gap');
}

async function* onlyRows(records: AsyncIterable<AnyRecord[]>, rows: readonly RowType[]): AsyncGenerator<AnyRecord[]> {
  const unwanted = new Set<string>(['micro', 'features'].filter((type) => !rows.includes(type as RowType)));
  for await (const batch of records) {
    const wanted = unwanted.size === 0 ? batch : batch.filter(({ type }) => !unwanted.has(type));
    if (wanted.length > 0) yield wanted;
  }
}
