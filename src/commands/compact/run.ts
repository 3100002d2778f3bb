import type { Summary } from '../../lib/cli/summary.js';
import { counted } from '../../lib/model/counted.js';
import type { RecordType } from '../../lib/model/records.js';
import { compactStore } from '../../lib/storage/compact.js';
import type { StoreContext } from '../../lib/storage/log/store-context.js';
import type { Compaction, CompactOptions, CompactTask } from '../../lib/storage/upkeep/compaction.js';
import type { Retention } from '../../lib/storage/upkeep/retention.js';
import type { CompactProgress } from './progress.js';
import { compactionRow, removalLines } from './text.js';

type CompactRun = {
  readonly options: CompactOptions & { readonly signal: AbortSignal };
  readonly progress: CompactProgress;
  readonly summary: Summary;
  /** Prints a hint. */
  readonly note: (text: string) => void;
  /** Warns at once, and again in the summary. */
  readonly notice: (text: string) => void;
};

/** Compacts a store, fills the summary, and returns the compaction of each partition. */
export async function runCompact(context: StoreContext, run: CompactRun): Promise<Compaction[]> {
  const { options, progress, summary, note, notice } = run;
  const { dryRun = false } = options;
  const done: Compaction[] = [];
  const failures: string[] = [];
  const report = await compactStore(context, options, {
    onPlan(tasks) {
      for (const line of removalLines(tasks, dryRun)) note(line);
      if (comeBack(tasks, options.retention)) notice(COME_BACK);
      progress.begin(tasks);
    },
    onDone(compaction) {
      done.push(compaction);
      progress.done(compaction);
    },
    onFailure(task, { message }) {
      failures.push(message);
      progress.done(task);
    },
    onWarning: notice,
  });
  progress.end();
  summarize(summary, done);
  summary.note({ dry_run: dryRun || undefined, orphans: report.orphans, recovered: report.recovered });
  for (const path of report.unknown)
    notice(`${path}: unknown to the store's log, so it is not read; kept, since its records may exist nowhere else`);
  if (report.left > 0) notice(`stopped with ${counted(report.left, 'partition')} left; the next run continues`);
  for (const reason of failures) summary.failed(reason);
  return done;
}

const COME_BACK =
  'deleting candles whose trades are kept; the next run of mdtool candles rebuilds them unless --keep keeps both equally long';

/** Returns whether candles are deleted that the store rebuilds because it keeps their trades longer. */
function comeBack(tasks: readonly CompactTask[], retention?: Retention): boolean {
  const ageOf = (type: RecordType) => retention?.types.get(type) ?? retention?.otherwise ?? Number.POSITIVE_INFINITY;
  const isBuilt = ({ action, partition }: CompactTask) => action === 'remove' && partition.source === 'trades';
  return ageOf('candle') < ageOf('trade') && tasks.some(isBuilt);
}

function summarize(summary: Summary, done: readonly Compaction[]): void {
  const merged = done.filter(({ action }) => action === 'merge');
  const sum = (compactions: readonly Compaction[], of: (compaction: Compaction) => number) =>
    compactions.reduce((total, compaction) => total + of(compaction), 0);
  for (const { partition, after } of merged) summary.count(partition.type, after.records);
  summary.note({
    partitions: done.length,
    files_before: sum(done, ({ before }) => before.files),
    files_after: sum(done, ({ after }) => after.files),
    bytes_before: sum(done, ({ before }) => before.bytes),
    bytes_after: sum(done, ({ after }) => after.bytes),
    duplicates: sum(merged, ({ duplicates }) => duplicates),
    removed_records: sum(done, ({ action, before }) => (action === 'remove' ? before.records : 0)),
  });
  summary.verb = 'merged';
  summary.data = done.map(compactionRow);
}
