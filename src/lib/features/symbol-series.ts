import type { AnyRecord, Candle, Gap } from '../model/records.js';
import { MINUTE, SECOND } from '../model/time.js';
import { type FeatureRow, FeatureSeries, type Past } from './feature-series.js';
import { type Hole, Holes } from './holes.js';
import { type MicroRow, MicroSeries, type SymbolIdentity } from './micro-series.js';
import type { EngineCounts, EngineOptions } from './options.js';
import type { InputRecord } from './second-inputs.js';

/** Rows that a gap may still change. A longer silence of one channel keeps no more. */
const KEPT = 300;

/** Records of a batch may be so much out of order. */
const BATCH_WAIT = MINUTE;

/** Returns how long after its end a second still takes records, microseconds. */
export function waitOf({ batch, grace }: EngineOptions): number {
  return batch ? Math.max(BATCH_WAIT, grace) : grace;
}

type Kept = { micro: MicroRow; features: FeatureRow };

/** Seconds and features of one symbol. */
export class SymbolSeries {
  /** How long after its end a second still takes records. */
  readonly #wait: number;
  /** The records that follow are there already: nobody asks for the rows of a silence before it is over. */
  readonly #isBatch: boolean;
  readonly #counts: EngineCounts;
  readonly #holes = new Holes();
  readonly #seconds: MicroSeries;
  readonly #features: FeatureSeries;
  readonly #lastSeen = new Map<string, number>();
  #kept: Kept[] = [];

  constructor(identity: SymbolIdentity, options: EngineOptions, counts: EngineCounts) {
    this.#wait = waitOf(options);
    this.#isBatch = options.batch ?? false;
    this.#counts = counts;
    this.#seconds = new MicroSeries(identity, this.#holes);
    this.#features = new FeatureSeries(this.#holes, options.grace, options.windows, options.features);
  }

  /** Returns the market's time at which the next row is given. */
  get due(): number {
    const { nextEnd, lastEnd } = this.#seconds;
    return this.#isBatch && nextEnd > lastEnd ? Number.POSITIVE_INFINITY : nextEnd + this.#wait;
  }

  /** Takes an input. Returns rows that have to be given again, because a repaired trade came too late for them. */
  add(record: InputRecord): AnyRecord[] {
    this.#counts.inputs += 1;
    if (this.#seconds.add(record)) {
      this.#see(record);
      return [];
    }
    this.#counts.late += 1;
    const hole = record.type === 'trade' ? this.#holes.addLate(record.timestamp) : undefined;
    return hole ? this.#revise(hole) : [];
  }

  /** Goes on after the rows that were made up to `end`, before the first row; those of the windows follow by `addRow`. */
  resume(end: number, past: Past): void {
    this.#features.resume(end, past);
  }

  /** Takes a record of a second whose row was made before. */
  prime(record: InputRecord): void {
    this.#seconds.prime(record);
    this.#see(record);
  }

  offer(candle: Candle): void {
    this.#features.offer(candle);
  }

  /** Takes a row that was made before; returns what it leads to, nothing where its second has been given. */
  addRow(row: MicroRow): AnyRecord[] {
    if (row.timestamp <= this.#features.end) {
      this.#counts.unused += 1;
      return [];
    }
    this.#counts.inputs += 1;
    this.#seconds.resume(row);
    return this.#give(row);
  }

  /** Learns a gap; returns the rows that it changes. */
  addGap(gap: Gap): AnyRecord[] {
    const hole = this.#holes.add(gap);
    return hole ? this.#revise(hole) : [];
  }

  /** Returns the rows of the seconds that the market's time `now` has passed. */
  *close(now: number): Generator<AnyRecord> {
    const until = now - this.#wait;
    for (const row of this.#seconds.close(this.#isBatch ? Math.min(until, this.#seconds.lastEnd) : until)) {
      if (row.timestamp > this.#features.end) yield* this.#give(row);
    }
  }

  /** Returns the rows that are left at the end of the input. */
  *finish(): Generator<AnyRecord> {
    for (const row of this.#seconds.finish()) {
      if (row.timestamp > this.#features.end) yield* this.#give(row);
    }
  }

  #see({ type, timestamp }: InputRecord): void {
    if (timestamp > (this.#lastSeen.get(type) ?? 0)) this.#lastSeen.set(type, timestamp);
  }

  #give(micro: MicroRow): AnyRecord[] {
    const features = this.#features.update(micro);
    this.#counts.rows += 1;
    if (features.warm) this.#counts.warm += 1;
    this.#kept.push({ micro, features });
    this.#forget();
    return [micro, features];
  }

  /** A hole holds no records of its channel: rows before the last record of every channel are final. */
  #forget(): void {
    if (this.#kept.length < 2) return;
    const final = Math.min(...this.#lastSeen.values());
    const keep = this.#kept.findIndex(({ micro }) => micro.timestamp > final);
    const drop = Math.max(keep < 0 ? this.#kept.length - 1 : keep, this.#kept.length - KEPT);
    if (drop > 0) this.#kept.splice(0, drop);
  }

  #revise(hole: Hole): AnyRecord[] {
    const oldest = this.#kept[0]?.micro.timestamp;
    if (this.#kept.length === KEPT && oldest !== undefined && hole.from < oldest - SECOND) this.#counts.unmarked += 1;
    this.#features.addHole(hole);
    return this.#kept.flatMap((kept) => {
      const { micro, features } = kept;
      const isCovered = hole.from < micro.timestamp && hole.until > micro.timestamp - SECOND;
      // The price of the last trade before the hole says nothing of a second in it.
      const close = isCovered && hole.inputs.includes('trade') && micro.trades === 0 ? undefined : micro.close;
      if (isCovered && (micro.complete || close !== micro.close)) {
        kept.micro = { ...micro, close, complete: false, localTimestamp: Math.max(micro.localTimestamp ?? 0, hole.known) };
      }
      kept.features = this.#features.revised(features, hole, close);
      if (kept.features !== features || kept.micro !== micro) this.#counts.revised += 1;
      return [...(kept.micro === micro ? [] : [kept.micro]), ...(kept.features === features ? [] : [kept.features])];
    });
  }
}
