import type { CandleReport } from '../../lib/candles/store/candle-run.js';
import type { Summary } from '../../lib/cli/summary.js';
import { counted } from '../../lib/model/counted.js';

const NOTHING = 'no trades and no shorter candles in the input; mdtool stream --channels trade captures trades';
const UNFIT =
  'no trades in the input, and no candles that fit: parts must be shorter than --interval, divide it, and be of --source (default trades)';
const NOTHING_NEW = 'nothing new; candles are built from trades, which mdtool stream --channels trade captures';

/** Completes the summary of a run. Returns the notices for the user. */
export function summarizeCandles(summary: Summary, { counts, broken, stored }: CandleReport): string[] {
  if (broken.count > 0) summary.incomplete(`${counted(broken.count, 'input line')} could not be read`);
  if (stored) {
    summary.count('candle', stored.records - stored.shown);
    summary.note({ days_changed: stored.changed });
    return stored.days === 0 ? [NOTHING_NEW] : [];
  }
  const { trades, candles, late, duplicates, unused, unmarked } = counts;
  summary.note({ trades_read: trades, candles_read: candles, late, duplicates, unused, unmarked_gaps: unmarked });
  const notices: string[] = [];
  if (late > 0)
    notices.push(
      `${counted(late, 'record')} arrived too late for ${late === 1 ? 'its candle' : 'their candles'}; raise --grace to wait longer`,
    );
  if (duplicates > 0)
    notices.push(`${counted(duplicates, 'duplicate record')} skipped: the later one counts, of trades the captured one`);
  if (unmarked > 0)
    notices.push(
      `${counted(unmarked, 'gap')} became known too late to mark every candle in it incomplete; read a file or a store to mark all`,
    );
  if (trades + candles === 0) notices.push(unused > 0 ? UNFIT : NOTHING);
  return notices;
}
