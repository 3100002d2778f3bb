import type { Coverage, Market } from '../model/records.js';
import { overlap, type Span } from '../model/span.js';

export type Verdict = Coverage['verdict'];

/** A fault or a suspicion in a span of one series; `detail` says what, where and what to do. */
export type Finding = Span & {
  readonly verdict: Exclude<Verdict, 'whole'>;
  readonly detail: string;
  /** Whether there are no records between its ends: then it has a row of its own. */
  readonly isEmpty?: boolean;
  readonly duplicates?: number;
  readonly outOfOrder?: number;
  readonly mismatches?: number;
};

/** The verified records: those of one symbol and channel. */
export type Series = { readonly exchange: string; readonly market: Market; readonly symbol: string; readonly channel: string };

/** The facts about one day of a series. Times are microseconds. */
export type SeriesDay = Series & {
  /** Duration that a record covers: 1, for candles their interval. */
  readonly length: number;
  readonly findings: readonly Finding[];
  /** Recorded gaps, repaired ones included. */
  readonly gaps: readonly Span[];
  /** Opening times of the candles that were compared with the exchange's own; differing ones are findings, too. */
  readonly compared: readonly number[];
  /** Notes for the user that do not count against the data. */
  readonly notes: readonly string[];
};

/** A part of a day with a row of its own: the records from `first` to `last`, both included. */
export type Tile = { readonly first: number; readonly last: number; readonly finding?: Finding | undefined };

/** The number of records of a tile, and the times of the first and the last. */
export type TileRecords = { readonly records: number; readonly first: number; readonly last: number };

/**
 * Splits a day into tiles in order of time: one per gap or silence, and one for the records between them, which include
 * the ends of gaps. A day without gaps and silences is one tile.
 */
export function tilesOf(findings: readonly Finding[]): Tile[] {
  const empty = findings.filter(({ isEmpty }) => isEmpty).sort((a, b) => a.from - b.from || a.until - b.until);
  const tiles: Tile[] = [];
  let first = Number.NEGATIVE_INFINITY;
  for (const finding of empty) {
    if (finding.from >= first) tiles.push({ first, last: finding.from });
    tiles.push({ first: finding.from + 1, last: finding.until - 1, finding });
    first = Math.max(first, finding.until);
  }
  return [...tiles, { first, last: Number.POSITIVE_INFINITY }];
}

/**
 * Returns the rows of a day in order of time. Every finding is in at least one row: in each tile that it overlaps, else in
 * the first, else in a row of its own.
 */
export function coverageOf(day: SeriesDay, tiles: readonly (Tile & TileRecords)[]): Coverage[] {
  const shown = tiles
    .filter(({ records, finding }) => records > 0 || finding !== undefined)
    .map((tile) => spanned(tile, day.length));
  const filled = shown.filter(({ finding }) => finding === undefined);
  const rows = new Map(shown.map((tile) => [tile, tile.finding ? [tile.finding] : ([] as Finding[])]));
  for (const finding of day.findings.filter(({ isEmpty }) => !isEmpty)) {
    const reached = filled.filter((tile) => overlap(closed(finding), tile));
    const [first, ...others] = reached.length > 0 ? reached : filled.slice(0, 1);
    if (first) rows.get(first)?.push(finding);
    else rows.set(spanned({ ...finding, ...NO_RECORDS, finding }, day.length), [finding]);
    // Duplicates and mismatches count in one row only, or their sum over the rows would be too high.
    for (const other of others) rows.get(other)?.push({ ...finding, duplicates: 0, outOfOrder: 0, mismatches: 0 });
  }
  return [...rows].map(([tile, findings]) => rowOf(day, tile, findings)).sort((a, b) => a.fromTimestamp - b.fromTimestamp);
}

const NO_RECORDS = { first: 0, last: 0, records: 0 };

type Row = Span & Pick<TileRecords, 'records'> & { readonly finding?: Finding | undefined };

/** The span of a tile's row: that of its gap or silence, else that of its records. */
function spanned({ finding, first, last, records }: Tile & TileRecords, length: number): Row {
  return finding
    ? { from: finding.from, until: finding.until, records, finding }
    : { from: first, until: last + length, records };
}

function rowOf(day: SeriesDay, row: Row, findings: readonly Finding[]): Coverage {
  const { from, until, records } = row;
  const compared = day.compared.filter((at) => at >= from && at < until).length;
  const mismatches = total(findings, (finding) => finding.mismatches);
  const details = [...brief(findings.map(({ detail }) => detail)), ...(row.finding ? [] : day.notes)];
  return {
    type: 'coverage',
    exchange: day.exchange,
    market: day.market,
    symbol: day.symbol,
    timestamp: from,
    channel: day.channel,
    fromTimestamp: from,
    untilTimestamp: until,
    records,
    duplicates: total(findings, ({ duplicates }) => duplicates),
    outOfOrder: total(findings, ({ outOfOrder }) => outOfOrder),
    gaps: day.gaps.filter((gap) => overlap(closed(gap), row)).length,
    ...(compared > 0 || mismatches > 0 ? { compared: Math.max(compared, mismatches), mismatches } : {}),
    verdict: worst(findings.map(({ verdict }) => verdict)),
    detail: details.join('; ') || undefined,
  };
}

const SEVERITY: readonly Verdict[] = ['whole', 'suspect', 'mismatch', 'hole'];

/** Returns the gravest of verdicts, `whole` when there are none. */
function worst(verdicts: readonly Verdict[]): Verdict {
  return SEVERITY[Math.max(0, ...verdicts.map((verdict) => SEVERITY.indexOf(verdict)))] as Verdict;
}

function closed({ from, until }: Span): Span {
  return { from, until: Math.max(until, from + 1) };
}

function total(findings: readonly Finding[], count: (finding: Finding) => number | undefined): number {
  return findings.reduce((sum, finding) => sum + (count(finding) ?? 0), 0);
}

/** Number of findings of a row that are listed; the rest is counted. */
const LISTED = 5;

function brief(details: readonly string[]): string[] {
  return details.length > LISTED ? [...details.slice(0, LISTED), `and ${details.length - LISTED} more findings`] : [...details];
}
