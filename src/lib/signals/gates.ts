import type { RecordOf } from '../model/records.js';
import { GATES, type Gate, type SignalRules } from './rules.js';

type FeatureRow = RecordOf<'features'>;

/** What a gate says: the value it looked at (absent where there was none) and what it demands. */
export type Verdict = { readonly pass: boolean; readonly value?: number | boolean | undefined; readonly limit: string };

export type Verdicts = Readonly<Partial<Record<Gate, Verdict>>>;

const percent = (fraction: number): string => `${Number((fraction * 100).toPrecision(6))}%`;

/** Each gate on its own; a value that is missing never passes. */
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

/** Returns what each gate that is on says of a row. */
export function verdictsOf(row: FeatureRow, rules: SignalRules): Verdicts {
  return Object.fromEntries(GATES.filter((gate) => rules.gates.includes(gate)).map((gate) => [gate, RULES[gate](row, rules)]));
}

/** Returns the gates that do not let a row pass. */
export function rejectingGates(verdicts: Verdicts): Gate[] {
  return GATES.filter((gate) => verdicts[gate]?.pass === false);
}
