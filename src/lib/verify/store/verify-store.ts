import type { Coverage, Market, RecordType } from '../../model/records.js';
import { DAY } from '../../model/time.js';
import type { DatabaseOptions } from '../../storage/database/duckdb.js';
import { openInspection, type StoreInspection } from '../../storage/reading/store-inspection.js';
import type { StoreSelection } from '../../storage/reading/store-selection.js';
import { STORED_TYPES } from '../../storage/reading/store-snapshot.js';
import type { FileFinding } from './file-findings.js';
import { CandleComparison } from './own-candles.js';
import { type FetchOptions, publishedCandles } from './published-candles.js';
import { readGaps } from './recorded-gaps.js';
import { plansOf, type SeriesPlan } from './series-plan.js';
import { type Comparison, SeriesVerifier } from './series-verifier.js';
import { DAYS_COMPARED } from './silence-watch.js';

/** What is verified; an absent list means everything. */
export type VerifyRequest = {
  readonly selection: Omit<StoreSelection, 'types' | 'sources' | 'intervals'>;
  readonly types?: readonly RecordType[] | undefined;
  /** Candles of the stored trades are compared with those of the exchange. */
  readonly against?: Against | undefined;
};

export type Against = FetchOptions & {
  /** Returns what the amounts of a market count. */
  readonly amountUnit: (exchange: string, market: Market) => 'base' | 'quote';
};

export type VerifyListener = {
  /** Told of every file that is damaged, once; `path` is absolute. */
  file(finding: FileFinding): void;
};

/**
 * Reads the store in `directory` and returns what it covers: rows per exchange, market, symbol, channel and day. A day
 * is one row from its first to its last record, cut where something is missing; every gap and every suspicious silence
 * is a row of its own. Nothing is written. Damaged files are told and left aside. Throws a `UsageError` where there is no
 * store, a `FailureError` when its log cannot be read.
 */
export async function* verifyStore(
  directory: string,
  { selection, types = STORED_TYPES, against }: VerifyRequest,
  listener: VerifyListener,
  options: DatabaseOptions = {},
): AsyncGenerator<Coverage[]> {
  const told = new Set<string>();
  const tell = (finding: FileFinding) => {
    if (!told.has(finding.path)) listener.file(finding);
    told.add(finding.path);
  };
  const gaps = await gapsOf(directory, selection, options);
  const since = selection.since === undefined ? undefined : selection.since - (DAYS_COMPARED - 1) * DAY;
  const read = [...new Set<RecordType>([...types, ...beside(types, against)])];
  const inspection = await openInspection(directory, { ...selection, since, types: read }, options);
  try {
    for (const plan of await plansOf(inspection, types, selection, gaps))
      yield* new SeriesVerifier(plan, { inspection, gaps, tell, compare: comparisonOf(inspection, plan, against) }).rows();
  } finally {
    await inspection.close();
  }
}

/** What is read beside what is verified: whole books, from which deltas go on, and candles to compare with. */
function beside(types: readonly RecordType[], against: Against | undefined): RecordType[] {
  return [...(types.includes('book_delta') ? ['book_snapshot' as const] : []), ...(against ? ['candle' as const] : [])];
}

function comparisonOf(inspection: StoreInspection, plan: SeriesPlan, against: Against | undefined): Comparison | undefined {
  if (!against || plan.identity.type !== 'trade') return undefined;
  const candles = new CandleComparison(inspection, against.amountUnit, publishedCandles(inspection, against));
  return (day) => candles.compare(day);
}

/** A gap is stored at its end, which may lie behind the time that is verified. */
async function gapsOf(directory: string, { exchanges, markets, symbols, since }: StoreSelection, options: DatabaseOptions) {
  const inspection = await openInspection(directory, { exchanges, markets, symbols, since, types: ['gap'] }, options);
  try {
    return await readGaps(inspection);
  } finally {
    await inspection.close();
  }
}
