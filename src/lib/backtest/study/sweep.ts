import type { Run } from '../../model/records.js';
import type { Path } from '../terms.js';
import type { Pool, Task } from './pool.js';
import type { RunPlan } from './run-plan.js';
import type { SweepLog } from './sweep-log.js';

/** One configuration of a sweep with its runs: one per candle path, or one for trades. */
export type Candidate = { readonly plan: RunPlan; readonly runs: readonly Run[]; readonly score: number | undefined };

export type SweepOptions = {
  readonly pool: Pool;
  readonly plans: readonly RunPlan[];
  /** Paths of every configuration; a single undefined for trades. */
  readonly paths: readonly (Path | undefined)[];
  /** Metric to rank by, highest first; of two paths the lower value counts. */
  readonly rankBy: string;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly log?: SweepLog | undefined;
  readonly signal: AbortSignal;
  /** Called after every run. */
  readonly progress: (run: Run, isKnown: boolean) => void;
};

/**
 * Runs every plan and returns them ranked; plans without the metric are last. Equal plans keep their order, so that the
 * ranking does not depend on the number of threads. After a stop, the finished plans are ranked.
 */
export async function sweep(options: SweepOptions): Promise<Candidate[]> {
  const { plans, paths, pool, signal, since, until } = options;
  const tasks = plans.flatMap((plan) => paths.map((path): Task => ({ plan, path, since, until })));
  const runs: (Run | undefined)[] = new Array(tasks.length);
  let next = 0;
  const work = async () => {
    for (let index = next++; index < tasks.length && !signal.aborted; index = next++)
      runs[index] = await runOnce(tasks[index] as Task, options);
  };
  await Promise.all(Array.from({ length: pool.size }, work));
  const candidates = plans.map((plan, index) => {
    const own = runs.slice(index * paths.length, (index + 1) * paths.length);
    return { plan, runs: own.filter((run) => run !== undefined), score: scoreOf(own, options.rankBy) };
  });
  return ranked(candidates.filter(({ runs: own }) => own.length === paths.length));
}

async function runOnce(task: Task, { pool, log, progress }: SweepOptions): Promise<Run | undefined> {
  const known = log?.find(task);
  const run = known ?? (await pool.run(task));
  if (run === undefined) return undefined;
  if (known === undefined) log?.add(task, run);
  progress(run, known !== undefined);
  return run;
}

function scoreOf(runs: readonly (Run | undefined)[], metric: string): number | undefined {
  const values = runs.map((run) => (run?.metrics as Readonly<Record<string, number>> | undefined)?.[metric]);
  return values.some((value) => value === undefined) ? undefined : Math.min(...(values as number[]));
}

function ranked(candidates: readonly Candidate[]): Candidate[] {
  const value = ({ score }: Candidate) => score ?? Number.NEGATIVE_INFINITY;
  return [...candidates].sort((a, b) => (value(a) === value(b) ? 0 : value(b) - value(a)));
}
