import type { Summary } from '../../lib/cli/summary.js';
import { SIGNAL_FEATURES } from '../../lib/features/registry.js';
import { counted } from '../../lib/model/counted.js';
import type { SignalReport } from '../../lib/signals/store/signal-run.js';

const WHERE_FROM = 'run mdtool features first';

/** Returns the message of a notice that a run gives while it reads the store in `directory`. */
export function noticeText(notice: 'no rows yet' | 'other rules', directory: string): string {
  return notice === 'no rows yet'
    ? `no feature rows in ${directory} yet; ${WHERE_FROM}; waiting`
    : 'the rules differ from those of the last run: every row is judged again and older signals stay in the store; -o FILE keeps them apart';
}

/** Completes the summary of a run. Returns the notices for the user. */
export function summarizeSignals(summary: Summary, report: SignalReport, failOnGaps: boolean): string[] {
  const { counts, broken, rejected, warm, gaps, damaged, isUpToDate } = report;
  summary.note({ rows: counts.rows, warm_rows: warm, triggered: counts.triggered, rejected: Object.fromEntries(rejected) });
  if (broken.count > 0) summary.incomplete(`${counted(broken.count, 'input line')} could not be read`);
  if (failOnGaps && gaps + damaged > 0)
    summary.incomplete(
      `${counted(gaps, 'unrepaired gap')} in the input, ${counted(damaged, 'row')} with one in ${damaged === 1 ? 'its' : 'their'} windows`,
    );
  if (counts.rows > 0 && counts.absent.size > 0)
    return [
      `no row has a value of ${[...counts.absent].join(', ')}, so that no signal can follow; mdtool features --feature FILE computes one of your own`,
    ];
  if (isUpToDate) return ['nothing new; mdtool features makes the rows'];
  if (counts.rows === 0) return [`no feature rows in the input; ${WHERE_FROM}`];
  if (warm === 0 && counts.signals === 0)
    return ['no row is warm yet: mdtool features reports what is missing, mdtool features --list how long each feature needs'];
  return [];
}

/** Returns why symbols cannot have a signal yet, undefined when all rows are warm. */
export function coldLine({ cold }: SignalReport): string | undefined {
  const [first] = cold.values();
  if (!first) return undefined;
  const reasons = Object.entries((first.detail ?? {}) as Readonly<Record<string, string>>);
  const needed = reasons.filter(([feature]) => SIGNAL_FEATURES.has(feature)).map(([feature, reason]) => `${feature}: ${reason}`);
  const more = cold.size > 1 ? `; ${counted(cold.size - 1, 'more symbol')}` : '';
  return `not warm yet: ${first.symbol}${needed.length > 0 ? ` (${needed.join(', ')})` : ''}${more}`;
}
