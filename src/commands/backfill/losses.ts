import type { Summary } from '../../lib/cli/summary.js';
import { type RequestedRange, topicName } from '../../lib/history/topic.js';
import { counted } from '../../lib/model/counted.js';
import type { Coverage } from '../../lib/model/records.js';
import { united } from '../../lib/model/span.js';
import { formatTime } from '../../lib/model/time.js';
import { coverageChannel, isData } from '../../lib/verify/store/channels.js';
import { findLosses, type Losses, type LostFile, takeOutLosses } from '../../lib/verify/store/lost-records.js';

export type LossContext = {
  /** The absolute or relative path of the store. */
  readonly store: string;
  /** Nothing is changed. */
  readonly isPlan: boolean;
  /** Microseconds. */
  readonly now: number;
  readonly note: (text: string) => void;
  readonly summary: Summary;
};

/** What is wanted after damaged files were dealt with. */
export type AfterLosses = {
  readonly ranges: readonly RequestedRange[];
  /** The channels of what a step builds again. */
  readonly rebuilt: ReadonlySet<string>;
  /** Whether none of the damaged files is in the store any more. */
  readonly isReadable: boolean;
};

/** Takes the damaged files that coverage points at out of the store, and says so in a line; returns what is wanted then. */
export async function settleLosses(
  flawed: readonly Coverage[],
  ranges: readonly RequestedRange[],
  { store, isPlan, now, note, summary }: LossContext,
): Promise<AfterLosses> {
  const losses = await findLosses(store, flawed);
  if (!losses) return { ranges, rebuilt: new Set(), isReadable: true };
  const { lost, staying } = losses;
  for (const { path, damage, why } of staying) summary.incomplete(`${path} ${damage.reason} and stays: ${why}`);
  const fetched = lost.length === 0 || isPlan ? [] : await takeOutLosses(losses, now);
  if (lost.length > 0) note(isPlan ? `${sentence(lost)} would be taken out of the store` : takenOut(losses));
  const rebuilt = lost.filter(({ partition }) => !isData(partition)).map(({ partition }) => coverageChannel(partition));
  const isReadable = staying.every(({ damage }) => damage.kind === 'changed') && (lost.length === 0 || !isPlan);
  return { ranges: merged([...ranges, ...fetched]), rebuilt: new Set(rebuilt), isReadable };
}

function takenOut({ lost }: Losses): string {
  const kept = lost.some(({ damage }) => damage.kind !== 'gone') ? ', kept beside their place as .NAME.damaged' : '';
  const data = lost.some(({ partition }) => isData(partition)) ? '; what was in them is a gap (lost) until it is fetched' : '';
  const derived = new Set(lost.filter(({ partition }) => !isData(partition)).map(({ partition }) => coverageChannel(partition)));
  const again = derived.size > 0 ? `; ${[...derived].join(', ')}: run the step again, it builds them anew` : '';
  return `${sentence(lost)} taken out of the store${kept}${data}${again}`;
}

/** So many files are named. */
const NAMED = 2;

function sentence(lost: readonly LostFile[]): string {
  const names = lost.slice(0, NAMED).map(({ path, damage, partition, file }) => {
    const what = damage.kind === 'gone' ? 'gone' : damage.kind === 'changed' ? 'changed' : 'unreadable';
    return `${path} (${what}; ${file.rows} ${partition.type} records from ${formatTime(file.min)} to ${formatTime(file.max)})`;
  });
  const more = lost.length > NAMED ? ` and ${lost.length - NAMED} more` : '';
  return `${counted(lost.length, 'damaged file', 'damaged files')}, ${names.join(', ')}${more},`;
}

function merged(ranges: readonly RequestedRange[]): RequestedRange[] {
  const topics = new Map<string, RequestedRange>();
  for (const range of ranges) {
    const known = topics.get(topicName(range));
    topics.set(topicName(range), known ? { ...known, spans: united([...known.spans, ...range.spans]) } : range);
  }
  return [...topics.values()];
}
