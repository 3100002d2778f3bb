import type { Candle, RecordOf, RecordType } from '../model/records.js';
import { camelCase } from '../model/schema.js';
import { SECOND } from '../model/time.js';
import type { Absence } from './absence.js';
import { BAR, Bars, type PastBar, WARM_BARS } from './bars.js';
import { DayFlow } from './day-flow.js';
import type { Feature, Measure } from './feature.js';
import type { MicroRow } from './micro-series.js';
import type { OpenGap, OpenGaps } from './open-gaps.js';
import { FEATURES, SIGNAL_FEATURES, type Windows, windowOf } from './registry.js';

export type FeatureRow = RecordOf<'features'>;

type Entry = {
  readonly feature: Feature;
  readonly property: string;
  readonly window: number;
  readonly measure: Measure;
  readonly isForSignals: boolean;
};

/** What rows up to a moment left behind that the rows of the windows alone do not tell. */
export type Past = {
  /** The 15-minute bars that they made, in order. */
  readonly bars: readonly PastBar[];
  /** Whether there is a row of the moment, and what its `cvd` was. */
  readonly continues: boolean;
  readonly cvd: number | undefined;
  /** The inputs that had come by then. */
  readonly seen: readonly RecordType[];
};

type Values = Record<string, number | undefined>;
type Mutable<Row> = { -readonly [Key in keyof Row]: Row[Key] };
type Reasons = Record<string, string>;

/** The features of one symbol, from its `micro` rows, one after another. */
export class FeatureSeries {
  readonly #openGaps: OpenGaps;
  readonly #grace: number;
  readonly #bars = new Bars();
  readonly #flow = new DayFlow();
  readonly #entries: readonly Entry[];
  #end = 0;
  #known = 0;

  /** `grace` is the time after a second's end from which its row can be known, microseconds. */
  constructor(openGaps: OpenGaps, grace: number, windows: Windows, features: readonly Feature[] = FEATURES) {
    this.#openGaps = openGaps;
    this.#grace = grace;
    this.#entries = features.map((feature) => {
      const window = windowOf(feature, windows);
      const measure = feature.create(window, { bars: this.#bars, flow: this.#flow });
      return { feature, property: camelCase(feature.name), window, measure, isForSignals: SIGNAL_FEATURES.has(feature.name) };
    });
  }

  /** End of the last row, 0 before the first. */
  get end(): number {
    return this.#end;
  }

  /** Goes on after the row that ended at `end`, the end of a bar, before the first row. */
  resume(end: number, { bars, continues, cvd }: Omit<Past, 'seen'>): void {
    this.#bars.restore(bars);
    if (!continues) return;
    this.#restart(end + SECOND);
    this.#end = end;
    this.#flow.restore(cvd);
  }

  /** Takes a 15-minute candle from elsewhere. */
  offer(candle: Candle): void {
    this.#bars.offer(candle);
  }

  /** Returns the features at the end of the row's second. Rows come in order of time. */
  update(row: MicroRow): FeatureRow {
    const end = row.timestamp;
    if (end !== this.#end + SECOND) this.#restart(end);
    this.#end = end;
    this.#openGaps.advance(end);
    this.#bars.update(row, this.#openGaps.until('trade') <= end - SECOND);
    this.#flow.update(row);
    const known = Math.max(this.#known, row.localTimestamp ?? 0);
    // When a row in a gap was known says nothing of those that follow.
    if (row.complete) this.#known = known;
    const out = blankRow(row, Math.max(end + this.#grace, known, this.#bars.known));
    out.warm = this.#bars.isWarm;
    out.gapInWindow = this.#bars.hasGap;
    for (const entry of this.#entries) this.#measure(entry, row, out);
    // The average of fewer bars is given, and the row says of how many.
    if (!this.#bars.isWarm && out.atr15m !== undefined) addReason(out, 'atr15m', `${this.#bars.count} of ${WARM_BARS} candles`);
    return out;
  }

  #measure({ feature, property, window, measure, isForSignals }: Entry, row: MicroRow, out: Mutable<FeatureRow>): void {
    const value = measure.update(row);
    const since = feature.since(row.timestamp, window);
    const isInGap = since !== undefined && this.#openGaps.lastUntil(feature.inputs) > since;
    if (isInGap && isForSignals) out.gapInWindow = true;
    if (typeof value === 'number' && !isInGap) {
      (out as unknown as Values)[property] = value;
      return;
    }
    addReason(out, feature.name, isInGap ? 'gap' : (value as Absence));
    if (isInGap || value === 'gap') knownFrom(out, this.#openGaps.known(feature.inputs));
    if (isForSignals) out.warm = false;
  }

  /** Returns an emitted row as it is now that `openGap` is known; the same row where the gap does not concern it. */
  revised(row: FeatureRow, openGap: OpenGap, close = row.close): FeatureRow {
    const values: Values = {};
    const reasons: Reasons = {};
    let { warm, gapInWindow } = row;
    for (const { feature, property, window, isForSignals } of this.#entries) {
      if (!damages(openGap, feature, window, row.timestamp)) continue;
      values[property] = undefined;
      reasons[feature.name] = 'gap';
      if (isForSignals) [warm, gapInWindow] = [false, true];
    }
    if (Object.keys(reasons).length === 0) return row;
    const detail = { ...(row.detail as Reasons | undefined), ...reasons };
    const knownTimestamp = Math.max(row.knownTimestamp, openGap.known);
    const localTimestamp = Math.max(row.localTimestamp ?? 0, openGap.known);
    return { ...row, close, ...values, warm, gapInWindow, detail, knownTimestamp, localTimestamp };
  }

  /** Learns that trades are missing in rows that were given. */
  addGap(openGap: OpenGap): void {
    if (openGap.inputs.includes('trade')) this.#bars.addGap(openGap);
  }

  /** Learns that a gap was repaired; `gaps` are those that are left. */
  endGap(openGap: OpenGap, openGaps: readonly OpenGap[]): void {
    if (openGap.inputs.includes('trade')) this.#bars.endGap(openGap, openGaps);
  }

  #restart(end: number): void {
    if (this.#end !== 0) this.#bars.interrupt();
    this.#flow.restart();
    for (const { measure } of this.#entries) measure.restart(end / SECOND);
  }
}

/** A row without features. Every column is there from the beginning: rows that grow would be slow objects. */
function blankRow(row: MicroRow, knownTimestamp: number): Mutable<FeatureRow> {
  const { exchange, market, symbol, timestamp, localTimestamp, close } = row;
  return {
    type: 'features',
    exchange,
    market,
    symbol,
    timestamp,
    localTimestamp,
    knownTimestamp,
    close,
    deltaZ: undefined,
    cvd: undefined,
    imbShift: undefined,
    ofi: undefined,
    micropriceDevBps: undefined,
    markDevZ: undefined,
    oiZ: undefined,
    atr15m: undefined,
    atr15mPct: undefined,
    realizedVol: undefined,
    basisBps: undefined,
    fundingRate: undefined,
    spreadBps: undefined,
    warm: false,
    gapInWindow: false,
    ageMs: ageOf(row),
    detail: undefined,
  };
}

/** What a row says of a gap cannot be known before the gap is. */
function knownFrom(row: Mutable<FeatureRow>, known: number): void {
  if (known > row.knownTimestamp) row.knownTimestamp = known;
  if (known > (row.localTimestamp ?? 0)) row.localTimestamp = known;
}

function addReason(row: Mutable<FeatureRow>, name: string, reason: string): void {
  row.detail ??= {};
  (row.detail as Reasons)[name] = reason;
}

/** Milliseconds since the older of book and mark; a spot market has no mark. */
function ageOf({ timestamp, market, bookTimestamp, markTimestamp }: MicroRow): number | undefined {
  if (bookTimestamp === undefined) return undefined;
  if (market === 'spot') return (timestamp - bookTimestamp) / 1000;
  return markTimestamp === undefined ? undefined : (timestamp - Math.min(bookTimestamp, markTimestamp)) / 1000;
}

function damages({ inputs, from, until }: OpenGap, feature: Feature, window: number, end: number): boolean {
  if (from >= end || !feature.inputs.some((input) => inputs.includes(input))) return false;
  const since = feature.since(end, window);
  if (since !== undefined) return until > since;
  // Of the bars that the gap overlaps, the first has been closed by then.
  return Math.floor(from / BAR) * BAR + BAR <= end;
}
