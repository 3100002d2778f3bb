import type { AnyRecord, Candle, Gap } from '../model/records.js';
import { MINUTE, SECOND } from '../model/time.js';
import { type FeatureRow, FeatureSeries, type FeatureWarmUp, type Past } from './feature-series.js';
import { INPUTS, type Input } from './inputs.js';
import { type MicroRow, MicroSeries, type SymbolIdentity } from './micro-series.js';
import { type OpenGap, OpenGaps } from './open-gaps.js';
import type { EngineCounts, EngineOptions } from './options.js';
import type { SecondInput } from './second-inputs.js';

/**
 * A gap changes rows that end at most this long (microseconds) before its own time. A number of rows would be another one each
 * time they are made: how many were emitted by then hangs on the other records. A run that goes on reads inputs as far back.
 */
export const REACH = 5 * MINUTE;

/** A channel that has been silent for longer before a gap begins is dead: the rows lack its inputs already. */
const DEAD = REACH;

/** Rows that a gap may still change, and those of a minute by which one may be reported late. */
const KEPT = (REACH + MINUTE) / SECOND;

/** Most inputs give no row at once. */
export const NO_ROWS: readonly AnyRecord[] = [];

/** The longest time whose rows are made at once; a silence may have a day of them. */
const FEW = 2 * MINUTE;

/** Records of a batch may be so much out of order. */
const BATCH_WAIT = MINUTE;

/** Returns how long after its end a second still takes records, microseconds. */
export function waitOf({ batch, grace }: EngineOptions): number {
  return batch ? Math.max(BATCH_WAIT, grace) : grace;
}

/** A row as first emitted, and its current value. */
type Row = { readonly micro: MicroRow; readonly features: FeatureRow };
type Kept = { readonly first: Row; now: Row };

/** How far a symbol is from its first warm row. */
export type SymbolWarmUp = SymbolIdentity & {
  /** End of its last row, microseconds. */
  readonly end: number;
  /** None: it is warm. */
  readonly features: readonly FeatureWarmUp[];
};

/** Seconds and features of one symbol. */
export class SymbolSeries {
  /** How long after its end a second still takes records. */
  readonly #wait: number;
  /** The records that follow are there already: nobody asks for the rows of a silence before it is over. */
  readonly #isBatch: boolean;
  readonly #identity: SymbolIdentity;
  readonly #counts: EngineCounts;
  readonly #openGaps = new OpenGaps();
  readonly #seconds: MicroSeries;
  readonly #features: FeatureSeries;
  readonly #lastSeen = new LastTimes();
  #kept: Kept[] = [];
  /** The end of the last row that was made before this run. */
  #resumed = 0;

  constructor(identity: SymbolIdentity, options: EngineOptions, counts: EngineCounts) {
    this.#identity = identity;
    this.#wait = waitOf(options);
    this.#isBatch = options.batch ?? false;
    this.#counts = counts;
    this.#seconds = new MicroSeries(identity, this.#openGaps);
    this.#features = new FeatureSeries(this.#openGaps, options.grace, options.windows, options.features);
  }

  /** Returns the market time at which the next row is emitted. */
  get due(): number {
    const { nextEnd, lastEnd } = this.#seconds;
    return this.#isBatch && nextEnd > lastEnd ? Number.POSITIVE_INFINITY : nextEnd + this.#wait;
  }

  /** How far its features are, undefined before its first row. */
  get warmUp(): SymbolWarmUp | undefined {
    const { end } = this.#features;
    return end === 0 ? undefined : { ...this.#identity, end, features: this.#features.warmUp() };
  }

  /** The record types that have arrived, be it in a row of seconds. */
  get seen(): Iterable<string> {
    return this.#lastSeen.types;
  }

  /** Adds an input. Returns rows to emit again because a repaired trade arrived too late for them. */
  add(input: SecondInput): readonly AnyRecord[] {
    this.#counts.inputs += 1;
    if (this.#seconds.add(input)) {
      this.#lastSeen.see(input.type, input.timestamp);
      return NO_ROWS;
    }
    this.#counts.late += 1;
    this.#lastSeen.see(input.type, 0);
    const openGap = input.type === 'trade' ? this.#openGaps.addLate(input.timestamp) : undefined;
    return openGap ? this.#revise(openGap) : NO_ROWS;
  }

  /** Goes on after the rows that were made up to `end`, before the first row; those of the windows follow by `addRow`. */
  resume(end: number, past: Past): void {
    this.#features.resume(end, past);
    this.#resumed = end;
    // An input that is silent since then may be in a gap that is not known yet.
    for (const type of past.seen) this.#lastSeen.see(type, 0);
  }

  /** Takes an input of a second whose row was made before. */
  prime(input: SecondInput): void {
    this.#seconds.prime(input);
    this.#lastSeen.see(input.type, input.timestamp);
  }

  offer(candle: Candle): void {
    this.#features.offer(candle);
  }

  /** Adds an earlier row; returns the records that follow, none where its second was emitted. */
  addRow(row: MicroRow): AnyRecord[] {
    if (row.timestamp <= this.#features.end) {
      this.#counts.unused += 1;
      return [];
    }
    this.#counts.inputs += 1;
    this.#seconds.resume(row);
    for (const [type, isThere] of contentsOf(row)) if (isThere) this.#lastSeen.see(type, 0);
    this.#recall('book_snapshot', row.bookTimestamp);
    this.#recall('mark_price', row.markTimestamp);
    this.#resumed = row.timestamp;
    return this.#give(row);
  }

  /** Takes a repair before the gap that it ends: its records are in the input. */
  foresee(repair: Gap): void {
    this.#openGaps.foresee(repair);
  }

  /** Learns a gap; returns the rows that it changes. */
  addGap(gap: Gap): AnyRecord[] {
    const effect = this.#openGaps.add(gap, (input) => this.#finalFor(input, gap));
    if (effect === undefined) return [];
    if (!('opened' in effect)) return this.#restore(effect.ended, effect.known);
    const oldest = this.#kept[0]?.now.micro.timestamp ?? Number.POSITIVE_INFINITY;
    const reach = gap.timestamp - REACH;
    const isCut = oldest <= reach || this.#kept.length === KEPT;
    if (isCut && effect.opened.from < Math.max(oldest, reach) - SECOND) this.#counts.unmarked += 1;
    return this.#revise(effect.opened);
  }

  /** As `close`, all at once in an array of the caller's; undefined where there may be many. */
  closeFew(now: number): AnyRecord[] | undefined {
    const until = this.#end(now);
    if (until - this.#seconds.nextEnd > FEW) return undefined;
    let rows: AnyRecord[] | undefined;
    for (let row = this.#seconds.next(until); row; row = this.#seconds.next(until)) {
      if (row.timestamp <= this.#features.end) continue;
      const both = this.#give(row);
      if (rows) rows.push(...both);
      else rows = both;
    }
    return rows ?? [];
  }

  /** Returns the rows of the seconds that the market's time `now` has passed. */
  close(now: number): Generator<AnyRecord> {
    return this.#rowsUntil(this.#end(now));
  }

  /** Returns the rows that are left at the end of the input. */
  finish(): Generator<AnyRecord> {
    return this.#rowsUntil(this.#seconds.lastEnd);
  }

  #end(now: number): number {
    const until = now - this.#wait;
    return this.#isBatch ? Math.min(until, this.#seconds.lastEnd) : until;
  }

  *#rowsUntil(until: number): Generator<AnyRecord> {
    for (let row = this.#seconds.next(until); row; row = this.#seconds.next(until))
      if (row.timestamp > this.#features.end) yield* this.#give(row);
  }

  /** Takes what a row knows of the last input of a type: none has arrived where it knows no time. */
  #recall(type: SecondInput['type'], timestamp: number | undefined): void {
    if (timestamp === undefined) this.#lastSeen.forget(type);
    else this.#lastSeen.see(type, timestamp);
  }

  #give(micro: MicroRow): AnyRecord[] {
    const features = this.#features.update(micro);
    this.#kept.push({ first: { micro, features }, now: { micro, features } });
    this.#forget();
    return [micro, features];
  }

  /** A gap holds no records of its channel: rows before the last record of every channel are final. */
  #forget(): void {
    const most = this.#kept.length - 1;
    if (most < 1) return;
    const final = this.#lastSeen.earliest;
    let drop = Math.max(0, most + 1 - KEPT);
    while (drop < most && (this.#kept[drop] as Kept).now.micro.timestamp <= final) drop += 1;
    if (drop > 0) this.#kept.splice(0, drop);
  }

  /**
   * A gap holds no records of its channel: rows up to the last one are final, however long another channel has been silent and
   * whatever was emitted before this run. Otherwise the rows of a store would depend on when they were made. Trades may be rare.
   */
  #finalFor(input: Input, { fromTimestamp: from, timestamp }: Gap): number {
    const last = this.#lastSeen.of(INPUTS[input].type);
    const isUnknown = last === 0 && from < this.#resumed;
    const isDead = last < from - DEAD && !isUnknown && input !== 'trade';
    return isDead ? Number.POSITIVE_INFINITY : Math.max(last, timestamp - REACH);
  }

  #revise(openGap: OpenGap): AnyRecord[] {
    this.#features.addGap(openGap);
    return this.#kept.flatMap((kept) => this.#giveAgain(kept, this.#damaged(kept.now, openGap)));
  }

  /** Rows that a repaired gap had damaged are what they were, from when the repair was known; later ones stay as given. */
  #restore(ended: readonly OpenGap[], known: number): AnyRecord[] {
    const openGaps = this.#openGaps.open;
    for (const openGap of ended) this.#features.endGap(openGap, openGaps);
    return this.#kept.flatMap((kept) => {
      if (kept.now === kept.first) return [];
      const { micro, features } = openGaps.reduce<Row>((row, openGap) => this.#damaged(row, openGap), kept.first);
      if (isSame(micro, kept.now.micro) && isSame(features, kept.now.features)) return [];
      const localTimestamp = Math.max(features.localTimestamp ?? 0, known);
      return this.#giveAgain(kept, {
        micro: { ...micro, localTimestamp: Math.max(micro.localTimestamp ?? 0, known) },
        features: { ...features, localTimestamp, knownTimestamp: Math.max(features.knownTimestamp, known) },
      });
    });
  }

  #damaged(row: Row, { final, ...whole }: OpenGap): Row {
    let { micro } = row;
    const inputs = whole.inputs.filter((input) => micro.timestamp > (final[input] ?? 0));
    if (inputs.length === 0) return row;
    const openGap = { ...whole, inputs, final };
    const isCovered = openGap.from < micro.timestamp && openGap.until > micro.timestamp - SECOND;
    // The price of the last trade before the gap says nothing of a second in it.
    const close = isCovered && openGap.inputs.includes('trade') && micro.trades === 0 ? undefined : micro.close;
    if (isCovered && (micro.complete || close !== micro.close)) {
      micro = { ...micro, close, complete: false, localTimestamp: Math.max(micro.localTimestamp ?? 0, openGap.known) };
    }
    const features = this.#features.revised(row.features, openGap, close);
    return micro === row.micro && features === row.features ? row : { micro, features };
  }

  #giveAgain(kept: Kept, { micro, features }: Row): AnyRecord[] {
    const again = [...(kept.now.micro === micro ? [] : [micro]), ...(kept.now.features === features ? [] : [features])];
    if (again.length > 0) {
      this.#counts.revised += 1;
      kept.now = { micro, features };
    }
    return again;
  }
}

/** The time of the last input of each type, 0 where it is not known. */
class LastTimes {
  readonly #times = new Map<string, { time: number }>();

  get types(): Iterable<string> {
    return this.#times.keys();
  }

  of(type: string): number {
    return this.#times.get(type)?.time ?? 0;
  }

  /** Returns the time of the type that has been silent for the longest, Infinity without any. */
  get earliest(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { time } of this.#times.values()) if (time < earliest) earliest = time;
    return earliest;
  }

  see(type: string, time: number): void {
    const last = this.#times.get(type);
    if (last === undefined) this.#times.set(type, { time });
    else if (time > last.time) last.time = time;
  }

  forget(type: string): void {
    this.#times.delete(type);
  }
}

/** Whether two states of a row say the same; every state has all columns. */
function isSame(a: MicroRow | FeatureRow, b: MicroRow | FeatureRow): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The record types that a finished row of a second holds values of. */
function contentsOf({ trades, bid, mark, openInterest, fundingRate }: MicroRow): [string, boolean][] {
  return [
    ['trade', trades > 0],
    ['book_snapshot', bid !== undefined],
    ['ticker', bid !== undefined],
    ['mark_price', mark !== undefined],
    ['open_interest', openInterest !== undefined],
    ['funding', fundingRate !== undefined],
  ];
}
