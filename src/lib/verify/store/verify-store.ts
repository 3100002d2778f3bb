import type { Coverage, Market, RecordType } from '../../model/records.js';
import { DAY } from '../../model/time.js';
import type { DatabaseOptions } from '../../storage/database/duckdb.js';
import { findStore } from '../../storage/files/store-directory.js';
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

/** Selects what is verified; an absent list means everything. */
export type VerifyRequest = {
  readonly selection: Omit<StoreSelection, 'types' | 'sources' | 'intervals'>;
  readonly types?: readonly RecordType[] | undefined;
  /** Compares candles of the stored trades with those of the exchange. */
  readonly against?: Against | undefined;
};

export type Against = FetchOptions & {
  /** Returns the unit of a market's amounts. */
  readonly amountUnit: (exchange: string, market: Market) => 'base' | 'quote';
};

export type VerifyListener = {
  /** Receives every damaged file once; `path` is absolute. */
  file(finding: FileFinding): void;
};

/**
 * Reads the store in `directory` and returns its coverage: rows per exchange, market, symbol, channel and day. A day is one
 * row from its first to its last record, split where records are missing; every gap and every suspicious silence is a row
 * of its own. Nothing is written. Damaged files are reported and skipped. An empty directory has none. Throws a
 * `FailureError` when its log cannot be read.
 */
export async function* verifyStore(
  directory: string,
  { selection, types = STORED_TYPES, against }: VerifyRequest,
  listener: VerifyListener,
  options: DatabaseOptions = {},
): AsyncGenerator<Coverage[]> {
  if (!(await findStore(directory))) return;
  const reported = new Set<string>();
  const report = (finding: FileFinding) => {
    if (!reported.has(finding.path)) listener.file(finding);
    reported.add(finding.path);
  };
  const gaps = await gapsOf(directory, selection, options);
  const since = selection.since === undefined ? undefined : selection.since - (DAYS_COMPARED - 1) * DAY;
  const read = [...new Set<RecordType>([...types, ...beside(types, against)])];
  const inspection = await openInspection(directory, { ...selection, since, types: read }, options);
  try {
    const { metadata } = await inspection.context.log.read();
    for (const plan of await plansOf(inspection, types, selection, gaps)) {
      const tools = { inspection, gaps, metadata, report, compare: comparisonOf(inspection, plan, against) };
      yield* new SeriesVerifier(plan, tools).rows();
    }
  } finally {
    await inspection.close();
  }
}

/** Context that is read but not verified: whole books that deltas continue, and candles to compare with. */
function beside(types: readonly RecordType[], against: Against | undefined): RecordType[] {
  return [...(types.includes('book_delta') ? ['book_snapshot' as const] : []), ...(against ? ['candle' as const] : [])];
}

function comparisonOf(inspection: StoreInspection, plan: SeriesPlan, against: Against | undefined): Comparison | undefined {
  if (!against || plan.identity.type !== 'trade') return undefined;
  const candles = new CandleComparison(inspection, against.amountUnit, publishedCandles(inspection, against));
  return (day) => candles.compare(day);
}

/** A gap is stored at its end, which may lie after the verified time. */
async function gapsOf(directory: string, { exchanges, markets, symbols, since }: StoreSelection, options: DatabaseOptions) {
  const inspection = await openInspection(directory, { exchanges, markets, symbols, since, types: ['gap'] }, options);
  try {
    return await readGaps(inspection);
  } finally {
    await inspection.close();
  }
}
