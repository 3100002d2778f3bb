import { counted } from '../../lib/model/counted.js';
import type { Run } from '../../lib/model/records.js';
import { labelOf, type Metrics, metricsIn, timeText, valueText } from './metric-text.js';
import { walkForwardTotals } from './walk-forward-totals.js';

/** Runs side by side: a sweep's ranking, or the parts of a walk forward. */
type Comparison = {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Note for the reader. */
  readonly remark: string;
};

type Detail = { readonly rank?: number; readonly part?: string; readonly window?: number };

const MAX_RANKS = 20;
/** Metrics to compare, next to the parameters that differ. */
const COMPARED = ['net_profit', 'return_pct', 'max_drawdown_pct', 'sharpe', 'profit_factor', 'trades', 'liquidations'];

/** Returns the comparison of the runs of one symbol; undefined for a single run or the two paths of one. */
export function comparisonOf(runs: readonly Run[]): Comparison | undefined {
  const parts = runs.filter((run) => detailOf(run).part !== undefined);
  if (parts.length > 0) return partsOf(parts);
  return runs.some((run) => (detailOf(run).rank ?? 0) > 1) ? rankingOf(runs) : undefined;
}

/** Returns the out-of-sample runs; all runs if there are none. */
export function outOfSampleRuns<Found extends { readonly run: Run }>(found: readonly Found[]): readonly Found[] {
  const judged = found.filter(({ run }) => detailOf(run).part === 'out-of-sample');
  return judged.length > 0 ? judged : found;
}

/** Returns the part of a walk-forward test that a run covers; undefined for other runs. */
export function partText(run: Run): string | undefined {
  const { part, window } = detailOf(run);
  return part === undefined ? undefined : `${part} part of window ${window}`;
}

function rankingOf(runs: readonly Run[]): Comparison {
  const rankOf = (run: Run) => detailOf(run).rank ?? 0;
  const inOrder = [...runs].sort((a, b) => rankOf(a) - rankOf(b));
  const varied = variedParameters(runs);
  const last = Math.max(...runs.map(rankOf));
  const chosen = `rank 1 was chosen with all of this data; use --split or --walk-forward to test the choice on unseen data`;
  return {
    title: 'Sweep',
    head: ['rank', ...varied, 'path', ...COMPARED.map(labelOf)],
    rows: inOrder
      .filter((run) => rankOf(run) <= MAX_RANKS)
      .map((run) => [String(rankOf(run)), ...valuesOf(run, varied), run.path ?? '', ...comparedIn(run)]),
    remark: `${last > MAX_RANKS ? `${counted(last - MAX_RANKS, 'more rank')} in the records; ` : ''}${chosen}`,
  };
}

function partsOf(runs: readonly Run[]): Comparison {
  const varied = variedParameters(runs);
  const rows = runs.map((run) => [
    String(detailOf(run).window),
    String(detailOf(run).part),
    timeText(run.fromTimestamp),
    timeText(run.untilTimestamp),
    run.path ?? '',
    ...valuesOf(run, varied),
    ...comparedIn(run),
  ]);
  const totals = walkForwardTotals(runs).map(({ path, parts, ...total }) => [
    'all',
    'out-of-sample',
    counted(parts, 'part'),
    '',
    path ?? '',
    ...varied.map(() => ''),
    ...COMPARED.map((name) => (name in total ? valueText(name, (total as unknown as Metrics)[name]) : '')),
  ]);
  return {
    title: 'Chosen in sample, tested out of sample',
    head: ['window', 'part', 'from', 'until', 'path', ...varied, ...COMPARED.map(labelOf)],
    rows: [...rows, ...totals],
    remark: 'every part starts with the deposit: net profits and returns add up; the drawdown is the maximum of all parts',
  };
}

/** Returns the parameters in which the runs differ. */
function variedParameters(runs: readonly Run[]): string[] {
  const [first, ...others] = runs.map(({ parameters }) => parameters as Record<string, unknown>);
  return Object.keys(first ?? {}).filter((name) =>
    others.some((other) => JSON.stringify(other[name]) !== JSON.stringify(first?.[name])),
  );
}

function valuesOf({ parameters }: Run, names: readonly string[]): string[] {
  return names.map((name) => String((parameters as Record<string, unknown>)[name] ?? ''));
}

function comparedIn(run: Run): string[] {
  return COMPARED.map((name) => valueText(name, metricsIn(run)[name]));
}

function detailOf(run: Run): Detail {
  return (run.detail ?? {}) as Detail;
}
