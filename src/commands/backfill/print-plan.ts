import type { Format } from '../../lib/cli/flags.js';
import { writeRows } from '../../lib/cli/output/row-output.js';
import type { RowSelection } from '../../lib/cli/output/row-selection.js';
import type { Stderr } from '../../lib/cli/stderr.js';
import type { FetchTask } from '../../lib/history/fetch-task.js';
import { PLAN_COLUMNS, type PlanRow, planNotes, planRows } from './plan-rows.js';

type PlanOutput = {
  readonly format?: Format | undefined;
  readonly selection: RowSelection;
  readonly force: boolean;
  /** Whether the rows go into the document of `--json`. */
  readonly json: boolean;
  readonly stderr: Stderr;
};

/** Prints a plan and returns its rows. */
export async function printPlan(
  tasks: readonly FetchTask[],
  { format, selection, force, json, stderr }: PlanOutput,
): Promise<PlanRow[]> {
  const rows = planRows(tasks);
  for (const text of planNotes(tasks)) stderr.note(text);
  if (json) return rows;
  const values = rows.map((row) => PLAN_COLUMNS.map(({ name }) => row[name as keyof PlanRow]));
  const result = {
    columns: PLAN_COLUMNS,
    rowCount: rows.length,
    rows: async function* () {
      yield values;
    },
  };
  const chosen = format ?? (process.stdout.isTTY ? 'table' : 'ndjson');
  await writeRows(result, { format: chosen, selection, stdout: process.stdout, force, note: (text) => stderr.note(text) });
  return rows;
}
