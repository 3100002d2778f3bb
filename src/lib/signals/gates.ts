import type { RecordOf } from '../model/records.js';
import { GATES, type Gate, type SignalRules } from './rules.js';

type FeatureRow = RecordOf<'features'>;

/** The verdict of a gate: its value (absent where there is none) and its condition. */
export type Verdict = { readonly pass: boolean; readonly value?: number | boolean | undefined; readonly limit: string };

export type Verdicts = Readonly<Partial<Record<Gate, Verdict>>>;

const percent = (fraction: number): string => `${Number((fraction * 100).toPrecision(6))}%`;

/** Each gate on its own; a missing value never passes. */
const RULES: Readonly<Record<Gate, (row: FeatureRow, rules: SignalRules) => Verdict>> = {
  spread: ({ spreadBps: value }, { maxSpreadBps }) => ({
    pass: value !== undefined && value <= maxSpreadBps,
    value,
    limit: `spread_bps <= ${maxSpreadBps}`,
  }),
  volatility: ({ atr15mPct: value }, { minAtr, maxAtr }) => ({
    pass: value !== undefined && value >= minAtr * 100 && value <= maxAtr * 100,
    value,
    limit: `atr15m_pct within ${percent(minAtr)} to ${percent(maxAtr)}`,
  }),
  warm: ({ warm: value }) => ({ pass: value, value, limit: 'warm' }),
  gap: ({ gapInWindow: value }) => ({ pass: !value, value, limit: 'no gap_in_window' }),
  age: ({ ageMs: value }, { maxAge }) => ({
    pass: value !== undefined && value * 1000 <= maxAge,
    value,
    limit: `age_ms <= ${maxAge / 1000}`,
  }),
};

/** Returns the verdict of each enabled gate on a row. */
export function verdictsOf(row: FeatureRow, rules: SignalRules): Verdicts {
  return Object.fromEntries(GATES.filter((gate) => rules.gates.includes(gate)).map((gate) => [gate, RULES[gate](row, rules)]));
}

/** Returns the gates that reject a row. */
export function rejectingGates(verdicts: Verdicts): Gate[] {
  return GATES.filter((gate) => verdicts[gate]?.pass === false);
}
