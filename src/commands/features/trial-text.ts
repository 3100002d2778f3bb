import type { Difference, Independence, TrialReport } from '../../lib/features/trial.js';

/** Returns the findings of a trial for the eye. */
export function trialText(report: TrialReport): string {
  const { rows, cuts, lookAhead, streamAgainstBatch, independence, late } = report;
  return [
    `${rows} rows${late > 0 ? `; ${late} records arrived too late for their row and are skipped` : ''}`,
    `look-ahead: ${verdict(lookAhead, `no row changed at ${cuts} cuts`)}`,
    `stream against batch: ${verdict(streamAgainstBatch, 'all rows the same')}`,
    'where the data began, rows until it no longer matters:',
    ...independence.map(independenceLine),
  ].join('\n');
}

function verdict(differences: readonly Difference[], good: string): string {
  if (differences.length === 0) return `passed, ${good}`;
  const lines = differences.map(
    ({ row, column, found, expected }) => `  ${row} ${column}: ${shown(found)}, expected ${shown(expected)}`,
  );
  return ['FAILED', ...lines].join('\n');
}

function independenceLine({ name, rows, declared, compared, verdict: found }: Independence): string {
  const observed = rows === undefined ? `differs to the end (${compared} rows)` : `${rows}`;
  const text = { holds: 'holds', fails: 'FAILED', open: 'too little data for a verdict' }[found];
  return `  ${name.padEnd(20)} ${observed.padStart(8)}  declared ${String(declared).padStart(7)}  ${text}`;
}

function shown(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value);
}
