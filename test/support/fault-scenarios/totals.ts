/** What was counted over scenarios. */
export type Totals = Record<(typeof COUNTS)[number], number>;

const COUNTS = [
  'scenarios',
  'runs',
  'kills',
  'produced',
  'owed',
  'stored',
  'covered',
  'repaired',
  'displaced',
  'gaps',
  'emptyGaps',
  'repairedGaps',
  'inside',
  'gapTime',
  'lostTime',
  'books',
  'deltas',
] as const;

export function zero(): Totals {
  return Object.fromEntries(COUNTS.map((name) => [name, 0])) as Totals;
}

export function addTotals(totals: Totals, more: Partial<Totals>): void {
  for (const [name, count] of Object.entries(more)) totals[name as keyof Totals] += count;
}
