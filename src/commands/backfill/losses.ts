import type { Summary } from '../../lib/cli/summary.js';
import { type RequestedRange, topicName } from '../../lib/history/topic.js';
import { counted } from '../../lib/model/counted.js';
import type { Coverage } from '../../lib/model/records.js';
import { united } from '../../lib/model/span.js';
import { formatTime } from '../../lib/model/time.js';
import { coverageChannel, isData } from '../../lib/verify/store/channels.js';
import { findLosses, type Losses, type LostFile, takeOutLosses } from '../../lib/verify/store/lost-records.js';

type LossContext = {
  /** The absolute or relative path of the store. */
  readonly store: string;
  /** Whether to change nothing. */
  readonly isPlan: boolean;
  /** Microseconds. */
  readonly now: number;
  readonly note: (text: string) => void;
  readonly summary: Summary;
};

/** Requested ranges after damaged files were handled. */
export type AfterLosses = {
  readonly ranges: readonly RequestedRange[];
  /** Channels that a step rebuilds. */
  readonly rebuilt: ReadonlySet<string>;
  /** Whether no damaged file remains in the store. */
  readonly isReadable: boolean;
};

/** Quarantines the damaged files that coverage names, reports it in a line, and returns the ranges to fetch. */
export async function settleLosses(
  flawed: readonly Coverage[],
  ranges: readonly RequestedRange[],
  { store, isPlan, now, note, summary }: LossContext,
): Promise<AfterLosses> {
  const losses = await findLosses(store, flawed);
  if (!losses) return { ranges, rebuilt: new Set(), isReadable: true };
  const { lost, staying } = losses;
  for (const { path, damage, why } of staying) summary.incomplete(`${path} ${damage.reason} and stays in the store: ${why}`);
  const fetched = lost.length === 0 || isPlan ? [] : await takeOutLosses(losses, now);
  if (lost.length > 0) note(isPlan ? `would quarantine ${filesText(lost)}` : quarantinedText(losses));
  const rebuilt = lost.filter(({ partition }) => !isData(partition)).map(({ partition }) => coverageChannel(partition));
  const isReadable = staying.every(({ damage }) => damage.kind === 'changed') && (lost.length === 0 || !isPlan);
  return { ranges: merged([...ranges, ...fetched]), rebuilt: new Set(rebuilt), isReadable };
}

function quarantinedText({ lost }: Losses): string {
  const kept = lost.some(({ damage }) => damage.kind !== 'gone') ? ' as .NAME.damaged beside their place' : '';
  const data = lost.some(({ partition }) => isData(partition))
    ? '; a gap (lost) records their contents until they are fetched'
    : '';
  const derived = new Set(lost.filter(({ partition }) => !isData(partition)).map(({ partition }) => coverageChannel(partition)));
  const again = derived.size > 0 ? `; run the step of ${[...derived].join(', ')} again to rebuild them` : '';
  return `quarantined ${filesText(lost)}${kept}${data}${again}`;
}

/** Maximum number of files that are named. */
const NAMED = 2;

function filesText(lost: readonly LostFile[]): string {
  const names = lost.slice(0, NAMED).map(({ path, damage, partition, file }) => {
    const what = damage.kind === 'gone' ? 'gone' : damage.kind === 'changed' ? 'changed' : 'unreadable';
    return `${path} (${what}; ${counted(file.rows, `${partition.type} record`)} from ${formatTime(file.min)} to ${formatTime(file.max)})`;
  });
  const more = lost.length > NAMED ? ` and ${lost.length - NAMED} more` : '';
  return `${counted(lost.length, 'damaged file')}: ${names.join(', ')}${more}`;
}

function merged(ranges: readonly RequestedRange[]): RequestedRange[] {
  const topics = new Map<string, RequestedRange>();
  for (const range of ranges) {
    const known = topics.get(topicName(range));
    topics.set(topicName(range), known ? { ...known, spans: united([...known.spans, ...range.spans]) } : range);
  }
  return [...topics.values()];
}
