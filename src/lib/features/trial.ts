import type { AnyRecord } from '../model/records.js';
import { seriesKey } from '../model/series.js';
import { floorToSecond, SECOND } from '../model/time.js';
import { FeatureEngine } from './engine.js';
import type { Feature } from './feature.js';
import { type FeatureRow, featureValue } from './feature-series.js';
import { FEATURES, type Windows, windowOf } from './registry.js';

type TrialOptions = {
  readonly grace: number;
  readonly windows: Windows;
  /** Where the data is cut off, as shares of its time: each between 0 and 1. */
  readonly cuts: readonly number[];
  /** Where the data is made to begin later, as a share of its time. */
  readonly laterStart: number;
  /** The features to test; all of mdtool by default. */
  readonly features?: readonly Feature[] | undefined;
  /** Turns records into what a step gives; the engine by default. */
  readonly run?: ((records: readonly AnyRecord[], batch: boolean) => readonly AnyRecord[]) | undefined;
};

/** A row that is not the same in two runs. */
export type Difference = { readonly row: string; readonly column: string; readonly found: unknown; readonly expected: unknown };

/** From which row on a feature no longer depends on where the data began. */
export type Independence = {
  readonly name: string;
  /** Rows after the later beginning until it was the same for good; undefined where it never was. */
  readonly rows: number | undefined;
  /** Rows after which it declares to be. */
  readonly declared: number;
  readonly compared: number;
  /** `open`: there is too little data for a verdict. */
  readonly verdict: 'holds' | 'fails' | 'open';
};

export type TrialReport = {
  readonly rows: number;
  /** Records that arrived too late for their row. A live run loses them and a batch does not, so both runs skip them. */
  readonly late: number;
  readonly cuts: number;
  readonly lookAhead: readonly Difference[];
  readonly streamAgainstBatch: readonly Difference[];
  readonly independence: readonly Independence[];
  readonly passed: boolean;
};

const MOST_DIFFERENCES = 20;
const TIMES = new Set(['type', 'timestamp', 'localTimestamp', 'knownTimestamp']);

/**
 * Tests features on these records: (a) rows known before a cut do not change when later records are removed, (b) stream
 * and batch produce equal rows, (c) no feature depends on the start of the data for longer than its declared warm-up.
 */
export function tryFeatures(records: readonly AnyRecord[], options: TrialOptions): TrialReport {
  const { inTime, late } = withoutLate(records, options);
  const run = options.run ?? runnerOf(options);
  const ordered = [...inTime].sort((a, b) => arrivalOf(a) - arrivalOf(b));
  const whole = run(ordered, false);
  const rows = lastRows(whole, Number.POSITIVE_INFINITY);
  const lookAhead = options.cuts.flatMap((cut) => lookAheadAt(momentOf(ordered, cut), ordered, whole, run));
  const batch = lastRows(
    run(
      [...inTime].sort((a, b) => a.timestamp - b.timestamp),
      true,
    ),
    Number.POSITIVE_INFINITY,
  );
  // A clock gives rows after the last record, which a batch does not have.
  const streamAgainstBatch = differences(upToLastRow(rows, batch), batch, TIMES);
  const independence = independenceOf(ordered, rows, run, options);
  return {
    rows: rows.size,
    late,
    cuts: options.cuts.length,
    lookAhead: lookAhead.slice(0, MOST_DIFFERENCES),
    streamAgainstBatch: streamAgainstBatch.slice(0, MOST_DIFFERENCES),
    independence,
    passed: lookAhead.length === 0 && streamAgainstBatch.length === 0 && independence.every(({ verdict }) => verdict !== 'fails'),
  };
}

type Run = (records: readonly AnyRecord[], batch: boolean) => readonly AnyRecord[];
type Rows = ReadonlyMap<string, FeatureRow>;

function runnerOf({ grace, windows, features }: TrialOptions): Run {
  return (records, batch) => {
    const engine = new FeatureEngine({ grace, windows, batch, features });
    const given: AnyRecord[] = [];
    for (const record of records) for (const out of engine.add(record)) given.push(out);
    for (const out of engine.finish()) given.push(out);
    return given;
  };
}

function withoutLate(records: readonly AnyRecord[], { grace }: TrialOptions) {
  const engine = new FeatureEngine({ grace, windows: new Map(), features: [] });
  const inTime: AnyRecord[] = [];
  for (const record of [...records].sort((a, b) => arrivalOf(a) - arrivalOf(b))) {
    const { late } = engine.counts;
    for (const _ of engine.add(record));
    if (engine.counts.late === late) inTime.push(record);
  }
  return { inTime, late: engine.counts.late };
}

/** Rows that could be known at the cut must not change when later records are removed. */
function lookAheadAt(cut: number, records: readonly AnyRecord[], whole: readonly AnyRecord[], run: Run): Difference[] {
  const before = run(
    records.filter((record) => arrivalOf(record) <= cut),
    false,
  );
  const rows = lastRows(before, cut);
  // Whether a symbol goes on after its last record nobody can know: the rows of a silence come with what ends it.
  return differences(rows, upToLastRow(lastRows(whole, cut), rows), new Set(['type']));
}

function independenceOf(records: readonly AnyRecord[], rows: Rows, run: Run, options: TrialOptions): Independence[] {
  const from = momentOf(records, options.laterStart);
  const first = floorToSecond(from) + SECOND;
  const shorter = lastRows(
    run(
      records.filter((record) => record.timestamp >= first || record.type === 'candle'),
      false,
    ),
    Number.POSITIVE_INFINITY,
  );
  return (options.features ?? FEATURES).map((feature) => independence(feature, rows, shorter, options));
}

function independence(feature: Feature, rows: Rows, shorter: Rows, { windows }: TrialOptions): Independence {
  const value = featureValue(feature);
  const declared = feature.warmUp(windowOf(feature, windows));
  const begins = new Map<string, number>();
  let [last, compared, isOpen] = [0, 0, true];
  for (const [key, row] of shorter) {
    const series = seriesKey(row);
    // A quote from before the beginning is carried on in the whole data; rows count from where the inputs are there.
    if (!begins.has(series) && reasonOf(row, feature) === 'missing') continue;
    const begin = begins.get(series) ?? row.timestamp;
    begins.set(series, begin);
    const count = (row.timestamp - begin) / SECOND + 1;
    compared = Math.max(compared, count);
    if (count > declared) isOpen = false;
    const other = rows.get(key);
    if (!Object.is(value(row), other && value(other))) last = Math.max(last, count);
  }
  const verdict = last > declared ? 'fails' : isOpen ? 'open' : 'holds';
  return { name: feature.name, rows: last < compared ? last : undefined, declared, compared, verdict };
}

function reasonOf({ detail }: FeatureRow, { name }: Feature): string | undefined {
  return (detail as Readonly<Record<string, string>> | undefined)?.[name];
}

function differences(found: Rows, expected: Rows, ignored: ReadonlySet<string>): Difference[] {
  const list: Difference[] = [];
  for (const key of new Set([...found.keys(), ...expected.keys()])) {
    const [a, b] = [found.get(key), expected.get(key)];
    if (!a || !b) list.push({ row: key, column: 'row', found: a ? 'there' : 'absent', expected: b ? 'there' : 'absent' });
    else list.push(...differingColumns(key, a, b, ignored));
    if (list.length >= MOST_DIFFERENCES) break;
  }
  return list;
}

function differingColumns(row: string, a: FeatureRow, b: FeatureRow, ignored: ReadonlySet<string>): Difference[] {
  const columns = new Set([...Object.keys(a), ...Object.keys(b)].filter((column) => !ignored.has(column)));
  return [...columns].flatMap((column) => {
    const [found, expected] = [a[column as keyof FeatureRow], b[column as keyof FeatureRow]];
    return Object.is(found, expected) || (textOf(found) !== undefined && textOf(found) === textOf(expected))
      ? []
      : [{ row, column, found, expected }];
  });
}

/** Reasons are the same in any order. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null ? JSON.stringify(Object.entries(value).sort()) : undefined;
}

/** The last state of every row as it was known at `moment`. */
function lastRows(records: readonly AnyRecord[], moment: number): Rows {
  const rows = new Map<string, FeatureRow>();
  for (const record of records) {
    if (record.type === 'features' && record.knownTimestamp <= moment)
      rows.set(`${seriesKey(record)} ${record.timestamp}`, record);
  }
  return rows;
}

/** Leaves out rows after the last one that `other` has of their symbol. */
function upToLastRow(rows: Rows, other: Rows): Rows {
  const last = new Map<string, number>();
  for (const row of other.values()) last.set(seriesKey(row), Math.max(last.get(seriesKey(row)) ?? 0, row.timestamp));
  return new Map([...rows].filter(([, row]) => row.timestamp <= (last.get(seriesKey(row)) ?? 0)));
}

function arrivalOf(record: AnyRecord): number {
  return record.localTimestamp ?? record.timestamp;
}

function momentOf(ordered: readonly AnyRecord[], share: number): number {
  const first = ordered[0];
  const last = ordered.at(-1);
  return first && last ? arrivalOf(first) + Math.floor((arrivalOf(last) - arrivalOf(first)) * share) : 0;
}
