import { planGrid } from '../../../lib/grid/plan.js';
import { filledDetail, levelRecords, planRecord, solutionDetail, stressDetail } from '../../../lib/grid/records.js';
import { solvedPlan, solveGrid } from '../../../lib/grid/solve.js';
import type { TradingTerms } from '../../../lib/instruments/trading-terms.js';
import type { GridLevel, GridPlan } from '../../../lib/model/records.js';
import type { GridFlags } from './flags.js';
import { gridInputOf, notesOn } from './input.js';
import { stressOf } from './stress.js';

/** A plan with everything that was asked about it. */
export type GridReport = {
  readonly levels: readonly GridLevel[];
  readonly summary: GridPlan;
  readonly warnings: readonly string[];
  /** Why the plan is unsafe; empty for one that is not. */
  readonly unsafe: readonly string[];
};

/**
 * Returns the plan that the flags ask for, made at `timestamp`, with the answers of `--solve`, `--filled` and `--stress`.
 * `incomplete` is told of candles that could not be read.
 */
export async function reportGrid(
  flags: GridFlags,
  terms: TradingTerms | undefined,
  timestamp: number,
  incomplete: (reason: string) => void,
): Promise<GridReport> {
  const input = gridInputOf(flags, terms);
  const solution = flags.solve && solveGrid(input, flags.solve);
  const plan = solution ? solvedPlan(solution, input) : planGrid(input);
  const { exchange, market, symbol } = terms?.instrument ?? {};
  const identity = { exchange, market, symbol, timestamp };
  const notes = notesOn(flags, terms);
  const detail = {
    ...(notes.length > 0 && { notes }),
    ...(solution && { solve: solutionDetail(solution) }),
    ...(flags.filled !== undefined && { filled: filledDetail(plan, flags.filled) }),
    ...(flags.stress && { stress: stressDetail(await stressOf(plan, flags, terms?.instrument, incomplete)) }),
  };
  return {
    levels: levelRecords(plan, identity),
    summary: planRecord(plan, identity, detail),
    warnings: [...notes, ...plan.warnings],
    unsafe: [
      ...(solution && !solution.limit ? [`no ${solution.parameter} survives; the plan is the one asked for`] : []),
      ...(plan.firstUnsafe?.explanation ? [plan.firstUnsafe.explanation] : []),
    ],
  };
}
