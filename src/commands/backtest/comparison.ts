import type { Run } from '../../lib/model/records.js';
import { forwardTotals } from './forward-total.js';
import { labelOf, type Metrics, metricsIn, timeText, valueText } from './metric-text.js';

/** Runs side by side: a sweep's ranking, or the parts of a walk forward. */
export type Comparison = {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What a reader has to know of it. */
  readonly remark: string;
};

type Detail = { readonly rank?: number; readonly part?: string; readonly window?: number };

const MOST_RANKS = 20;
/** What is compared beside the parameters that differ. */
const COMPARED = ['net_profit', 'return_pct', 'max_drawdown_pct', 'sharpe', 'profit_factor', 'trades', 'liquidations'];

/** Returns how the runs of one symbol compare; undefined for a single run, or the two paths of one. */
export function comparisonOf(runs: readonly Run[]): Comparison | undefined {
  const parts = runs.filter((run) => detailOf(run).part !== undefined);
  if (parts.length > 0) return partsOf(parts);
  return runs.some((run) => (detailOf(run).rank ?? 0) > 1) ? rankingOf(runs) : undefined;
}

/** Returns the runs that were judged out of sample; of runs that were not chosen on another part, all. */
export function judgedRuns<Found extends { readonly run: Run }>(found: readonly Found[]): readonly Found[] {
  const judged = found.filter(({ run }) => detailOf(run).part === 'out-of-sample');
  return judged.length > 0 ? judged : found;
}

/** Returns which part of a walk forward a run is, undefined where it is none. */
export function partText(run: Run): string | undefined {
  const { part, window } = detailOf(run);
  return part === undefined ? undefined : `${part} part of window ${window}`;
}

function rankingOf(runs: readonly Run[]): Comparison {
  const rankOf = (run: Run) => detailOf(run).rank ?? 0;
  const inOrder = [...runs].sort((a, b) => rankOf(a) - rankOf(b));
  const varied = variedParameters(runs);
  const last = Math.max(...runs.map(rankOf));
  const chosen = `rank 1 was chosen knowing all of this data; --split and --walk-forward judge a choice on data it has not seen`;
  return {
    title: 'Sweep',
    head: ['rank', ...varied, 'path', ...COMPARED.map(labelOf)],
    rows: inOrder
      .filter((run) => rankOf(run) <= MOST_RANKS)
      .map((run) => [String(rankOf(run)), ...valuesOf(run, varied), run.path ?? '', ...comparedIn(run)]),
    remark: `${last > MOST_RANKS ? `${last - MOST_RANKS} more ranks in the records; ` : ''}${chosen}`,
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
  const totals = forwardTotals(runs).map(({ path, parts, ...total }) => [
    'all',
    'out-of-sample',
    `${parts} ${parts === 1 ? 'part' : 'parts'}`,
    '',
    path ?? '',
    ...varied.map(() => ''),
    ...COMPARED.map((name) => (name in total ? valueText(name, (total as unknown as Metrics)[name]) : '')),
  ]);
  return {
    title: 'Chosen in sample, judged out of sample',
    head: ['window', 'part', 'from', 'until', 'path', ...varied, ...COMPARED.map(labelOf)],
    rows: [...rows, ...totals],
    remark: 'every part begins with the deposit: net profits and returns add up, the drawdown is the deepest of any part',
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
