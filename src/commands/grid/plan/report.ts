import { planGrid } from '../../../lib/grid/plan.js';
import { filledDetail, levelRecords, planRecord, solutionDetail, stressDetail } from '../../../lib/grid/records.js';
import { solvedPlan, solveGrid } from '../../../lib/grid/solve.js';
import type { TradingTerms } from '../../../lib/instruments/trading-terms.js';
import type { GridLevel, GridPlan } from '../../../lib/model/records.js';
import type { GridFlags } from './flags.js';
import { buildGridInput, notesOn } from './input.js';
import { runStress } from './stress.js';

/** A plan with the results of --solve, --filled and --stress. */
type GridReport = {
  readonly levels: readonly GridLevel[];
  readonly summary: GridPlan;
  readonly warnings: readonly string[];
  /** Reasons why the plan is unsafe; empty for a safe plan. */
  readonly unsafe: readonly string[];
};

/**
 * Builds the plan of the flags at `timestamp`, with the results of `--solve`, `--filled` and `--stress`. Calls `incomplete`
 * if candles could not be read.
 */
export async function buildGridReport(
  flags: GridFlags,
  terms: TradingTerms | undefined,
  timestamp: number,
  incomplete: (reason: string) => void,
): Promise<GridReport> {
  const input = buildGridInput(flags, terms);
  const solution = flags.solve && solveGrid(input, flags.solve);
  const plan = solution ? solvedPlan(solution, input) : planGrid(input);
  const { exchange, market, symbol } = terms?.instrument ?? {};
  const identity = { exchange, market, symbol, timestamp };
  const notes = notesOn(flags, terms);
  const detail = {
    ...(notes.length > 0 && { notes }),
    ...(solution && { solve: solutionDetail(solution) }),
    ...(flags.filled !== undefined && { filled: filledDetail(plan, flags.filled) }),
    ...(flags.stress && { stress: stressDetail(await runStress(plan, flags, terms?.instrument, incomplete)) }),
  };
  return {
    levels: levelRecords(plan, identity),
    summary: planRecord(plan, identity, detail),
    warnings: [...notes, ...plan.warnings],
    unsafe: [
      ...(solution && !solution.limit ? [`no safe ${solution.parameter} found; this is the plan without --solve`] : []),
      ...(plan.firstUnsafe?.explanation ? [plan.firstUnsafe.explanation] : []),
    ],
  };
}
