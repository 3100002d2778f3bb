import { counted } from '../../lib/model/counted.js';
import { formatCount, formatSize } from '../../lib/model/number-format.js';
import type { Partition } from '../../lib/storage/files/partition.js';
import { candleView } from '../../lib/storage/reading/query.js';
import type { ResultColumn } from '../../lib/storage/reading/query-result.js';
import type { Compaction, CompactTask } from '../../lib/storage/upkeep/compaction.js';

/** Returns a compaction as a row of `--json`. */
export function compactionRow({ action, partition, before, after, duplicates }: Compaction): Readonly<Record<string, unknown>> {
  return {
    action,
    ...partition,
    files_before: before.files,
    files_after: after.files,
    records_before: before.records,
    records_after: after.records,
    duplicates,
    bytes_before: before.bytes,
    bytes_after: after.bytes,
  };
}

export const COMPACTION_COLUMNS: readonly ResultColumn[] = [
  { name: 'action', kind: 'text' },
  { name: 'view', kind: 'text' },
  { name: 'exchange', kind: 'text' },
  { name: 'market', kind: 'text' },
  { name: 'date', kind: 'text' },
  { name: 'files', kind: 'text' },
  { name: 'records', kind: 'text' },
  { name: 'duplicates', kind: 'number' },
  { name: 'size', kind: 'text' },
];

/** Returns a compaction as table cells, in the order of `COMPACTION_COLUMNS`. */
export function compactionCells({ action, partition, before, after, duplicates }: Compaction): (string | number)[] {
  const { exchange, market, date } = partition;
  const change = (of: 'files' | 'records') =>
    before[of] === after[of] ? formatCount(after[of]) : `${formatCount(before[of])} → ${formatCount(after[of])}`;
  const size = `${formatSize(before.bytes)} → ${formatSize(after.bytes)}`;
  return [action, viewOf(partition), exchange ?? '', market ?? '', date, change('files'), change('records'), duplicates, size];
}

/** Returns a line per type about the days to delete, before they are deleted. */
export function removalLines(tasks: readonly CompactTask[], dryRun: boolean): string[] {
  const views = new Map<string, CompactTask[]>();
  for (const task of tasks.filter(({ action }) => action === 'remove')) {
    const view = viewOf(task.partition);
    views.set(view, [...(views.get(view) ?? []), task]);
  }
  return [...views].map(([view, removed]) => {
    const dates = [...new Set(removed.map(({ partition }) => partition.date))].sort();
    const sum = (of: 'records' | 'bytes') => removed.reduce((total, { before }) => total + before[of], 0);
    const days = dates.length === 1 ? `of ${dates[0]}` : `of ${dates.length} days, ${dates[0]} to ${dates.at(-1)}`;
    return `${dryRun ? 'would delete' : 'deleting'} ${view} ${days}: ${counted(sum('records'), 'record')}, ${formatSize(sum('bytes'))}`;
  });
}

function viewOf(partition: Partition): string {
  return partition.type === 'candle' ? candleView(partition) : partition.type;
}
