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
  /** Undefined for a feature of the user's. */
  readonly property: string | undefined;
  readonly window: number;
  readonly measure: Measure;
  readonly isForSignals: boolean;
  /** End of the last row whose input is missing, or of the last before the rows begin: its window fills after it. */
  emptyAt: number;
  /** End of the last row without a value. */
  absentAt: number;
};

/** A feature of signals without a value, or with one that still depends on where the data begins. */
export type FeatureWarmUp = {
  readonly name: string;
  /** What its window holds, of what it needs. */
  readonly have: number;
  readonly need: number;
  readonly unit: 'seconds' | 'candles';
  /** The earliest end of a row with a value; undefined while its input is missing. */
  readonly ready: number | undefined;
};

/** State after the rows up to a moment, as far as the rows of the windows do not contain it. */
export type Past = {
  /** Their 15-minute bars, in order. */
  readonly bars: readonly PastBar[];
  /** Whether the moment has a row, and its `cvd`. */
  readonly continues: boolean;
  readonly cvd: number | undefined;
  /** The inputs that had arrived by then. */
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
  /** The reasons of the last row with any. */
  #reasons: Reasons = {};

  /** `grace` is the time from the end of a second until its row can be known, microseconds. */
  constructor(openGaps: OpenGaps, grace: number, windows: Windows, features: readonly Feature[] = FEATURES) {
    this.#openGaps = openGaps;
    this.#grace = grace;
    this.#entries = features.map((feature) => {
      const window = windowOf(feature, windows);
      const measure = feature.create(window, { bars: this.#bars, flow: this.#flow });
      return {
        feature,
        property: feature.own === undefined ? camelCase(feature.name) : undefined,
        window,
        measure,
        isForSignals: SIGNAL_FEATURES.has(feature.name),
        emptyAt: 0,
        absentAt: 0,
      };
    });
  }

  /** End of the last row, 0 before the first. */
  get end(): number {
    return this.#end;
  }

  /** Returns the features that keep a row from being warm and how far they are; a thin or flat one is warm. */
  warmUp(): FeatureWarmUp[] {
    return this.#entries.filter(({ isForSignals }) => isForSignals).flatMap((entry) => this.#warmUpOf(entry) ?? []);
  }

  #warmUpOf({ feature, window, emptyAt, absentAt }: Entry): FeatureWarmUp | undefined {
    const { name, inputs } = feature;
    if (feature.since(this.#end, window) === undefined) {
      const { isWarm, count } = this.#bars;
      const ready = Math.floor(this.#end / BAR) * BAR + (WARM_BARS - count) * BAR;
      return isWarm ? undefined : { name, have: count, need: WARM_BARS, unit: 'candles', ready };
    }
    const need = feature.warmUp(window);
    const have = Math.max(0, Math.floor((this.#end - Math.max(emptyAt, this.#openGaps.lastUntil(inputs))) / SECOND));
    if (absentAt !== this.#end || have >= need) return undefined;
    const ready = emptyAt === this.#end ? undefined : this.#end + (need - have) * SECOND;
    return { name, have, need, unit: 'seconds', ready };
  }

  /** Resumes after the row that ended at `end`, the end of a bar, before the first row. */
  resume(end: number, { bars, continues, cvd }: Omit<Past, 'seen'>): void {
    this.#bars.restore(bars);
    if (!continues) return;
    this.#restart(end + SECOND);
    this.#end = end;
    this.#flow.restore(cvd);
  }

  /** Adds an external 15-minute candle. */
  offer(candle: Candle): void {
    this.#bars.offer(candle);
  }

  /** Returns the features at the end of the row's second. Rows must be in order of time. */
  update(row: MicroRow): FeatureRow {
    const end = row.timestamp;
    if (end !== this.#end + SECOND) this.#restart(end);
    this.#end = end;
    this.#openGaps.advance(end);
    this.#bars.update(row, this.#openGaps.until('trade') <= end - SECOND);
    this.#flow.update(row);
    const known = Math.max(this.#known, row.localTimestamp ?? 0);
    // The time at which a row in a gap became known does not concern later rows.
    if (row.complete) this.#known = known;
    const out = blankRow(row, Math.max(end + this.#grace, known, this.#bars.known));
    out.warm = this.#bars.isWarm;
    out.gapInWindow = this.#bars.hasGap;
    for (const entry of this.#entries) this.#measure(entry, row, out);
    // The average of fewer bars is emitted, but such a row is not warm.
    if (!this.#bars.isWarm && out.atr15m !== undefined) addReason(out, 'atr15m', `${this.#bars.count} of ${WARM_BARS} candles`);
    if (out.detail !== undefined) {
      // Most rows have the reasons of the row before: one object for all of them becomes text once.
      if (!isAlike(out.detail as Reasons, this.#reasons)) this.#reasons = out.detail as Reasons;
      out.detail = this.#reasons;
    }
    return out;
  }

  #measure(entry: Entry, row: MicroRow, out: Mutable<FeatureRow>): void {
    const { feature, property, window, measure, isForSignals } = entry;
    const value = measure.update(row);
    if (value === 'missing' || (value === 'sideless' && row.delta === undefined)) entry.emptyAt = row.timestamp;
    const since = feature.since(row.timestamp, window);
    const isInGap = since !== undefined && this.#openGaps.lastUntil(feature.inputs) > since;
    if (isInGap && isForSignals) out.gapInWindow = true;
    if (typeof value === 'number' && !isInGap) {
      if (property !== undefined) (out as unknown as Values)[property] = value;
      else {
        out.own ??= {};
        (out.own as Values)[feature.name] = value;
      }
      return;
    }
    entry.absentAt = row.timestamp;
    addReason(out, feature.name, isInGap ? 'gap' : (value as Absence));
    if (isInGap || value === 'gap') knownFrom(out, this.#openGaps.known(feature.inputs));
    if (isForSignals) out.warm = false;
  }

  /** Returns an emitted row corrected for `openGap`; the same row where the gap does not concern it. */
  revised(row: FeatureRow, openGap: OpenGap, close = row.close): FeatureRow {
    const values: Values = {};
    const reasons: Reasons = {};
    let own = row.own as Values | undefined;
    let { warm, gapInWindow } = row;
    for (const { feature, property, window, isForSignals } of this.#entries) {
      if (!damages(openGap, feature, window, row.timestamp)) continue;
      if (property !== undefined) values[property] = undefined;
      else own = withoutValue(own, feature.name);
      reasons[feature.name] = 'gap';
      if (isForSignals) [warm, gapInWindow] = [false, true];
    }
    if (Object.keys(reasons).length === 0) return row;
    const detail = { ...(row.detail as Reasons | undefined), ...reasons };
    const knownTimestamp = Math.max(row.knownTimestamp, openGap.known);
    const localTimestamp = Math.max(row.localTimestamp ?? 0, openGap.known);
    return { ...row, close, ...values, warm, gapInWindow, detail, own, knownTimestamp, localTimestamp };
  }

  /** Records that trades are missing in emitted rows. */
  addGap(openGap: OpenGap): void {
    if (openGap.inputs.includes('trade')) this.#bars.addGap(openGap);
  }

  /** Records that a gap was repaired; `gaps` are the remaining ones. */
  endGap(openGap: OpenGap, openGaps: readonly OpenGap[]): void {
    if (openGap.inputs.includes('trade')) this.#bars.endGap(openGap, openGaps);
  }

  #restart(end: number): void {
    if (this.#end !== 0) this.#bars.interrupt();
    this.#flow.restart();
    for (const entry of this.#entries) {
      entry.measure.restart(end / SECOND);
      entry.emptyAt = end - SECOND;
    }
  }
}

/** Returns how a feature is read from a row. */
export function featureValue({ name, own }: Feature): (row: FeatureRow) => unknown {
  if (own !== undefined) return (row) => (row.own as Readonly<Record<string, number>> | undefined)?.[name];
  const property = camelCase(name) as keyof FeatureRow;
  return (row) => row[property];
}

/** A row without features. It has every column from the start: objects that grow are slow. */
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
    own: undefined,
  };
}

/** Returns the values without one of them; undefined without any. */
function withoutValue(own: Values | undefined, name: string): Values | undefined {
  const { [name]: _, ...others } = own ?? {};
  return Object.keys(others).length > 0 ? others : undefined;
}

/** A row that mentions a gap cannot be known before the gap. */
function knownFrom(row: Mutable<FeatureRow>, known: number): void {
  if (known > row.knownTimestamp) row.knownTimestamp = known;
  if (known > (row.localTimestamp ?? 0)) row.localTimestamp = known;
}

function addReason(row: Mutable<FeatureRow>, name: string, reason: string): void {
  row.detail ??= {};
  (row.detail as Reasons)[name] = reason;
}

/** Whether two rows lack the same values for the same reasons. */
function isAlike(a: Reasons, b: Reasons): boolean {
  for (const name in a) if (a[name] !== b[name]) return false;
  for (const name in b) if (a[name] === undefined) return false;
  return true;
}

/** Age in milliseconds of the older of book and mark; a spot market has no mark. */
function ageOf({ timestamp, market, bookTimestamp, markTimestamp }: MicroRow): number | undefined {
  if (bookTimestamp === undefined) return undefined;
  if (market === 'spot') return (timestamp - bookTimestamp) / 1000;
  return markTimestamp === undefined ? undefined : (timestamp - Math.min(bookTimestamp, markTimestamp)) / 1000;
}

function damages({ inputs, from, until }: OpenGap, feature: Feature, window: number, end: number): boolean {
  if (from >= end || !feature.inputs.some((input) => inputs.includes(input))) return false;
  const since = feature.since(end, window);
  if (since !== undefined) return until > since;
  // The first of the bars that the gap overlaps has closed by then.
  return Math.floor(from / BAR) * BAR + BAR <= end;
}
