import type { Summary } from '../../lib/cli/summary.js';
import { counted } from '../../lib/model/counted.js';
import { formatTime } from '../../lib/model/time.js';
import type { Rejection } from '../../lib/signals/generator.js';
import type { SignalReport } from '../../lib/signals/store/signal-run.js';
import { TRIGGERS, valueOfTrigger } from '../../lib/signals/triggers.js';

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

/** Returns a rejected signal as one line, with the reasons. */
export function rejectionLine({ row, side, reasons, gates }: Rejection): string {
  const causes = reasons.map((reason) => {
    const gate = reason === 'cooldown' || reason === 'price' ? undefined : gates[reason];
    return gate ? `${reason} (${gate.value === undefined ? 'absent' : gate.value}, expected ${gate.limit})` : reason;
  });
  const names = [...new Set([...TRIGGERS.map(({ feature }) => feature), ...Object.keys(row.own ?? {})])];
  const values = names.map((feature) => `${feature} ${signed(valueOfTrigger(row, feature))}`).join(' ');
  const name = `${row.exchange}:${row.market}:${row.symbol}`;
  return `rejected ${momentOf(row.timestamp)} ${name} ${side === 'buy' ? 'long' : 'short'}: ${causes.join(', ')}; ${values}`;
}

function momentOf(timestamp: number): string {
  return `${formatTime(timestamp).slice(0, 19).replace('T', ' ')}Z`;
}

function signed(value: number | undefined): string {
  return value === undefined ? 'absent' : `${value > 0 ? '+' : ''}${value.toFixed(2)}`;
}
