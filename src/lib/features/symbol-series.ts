import type { AnyRecord, Candle, Gap } from '../model/records.js';
import { MINUTE, SECOND } from '../model/time.js';
import { type FeatureRow, FeatureSeries } from './feature-series.js';
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
  readonly #counts: EngineCounts;
  readonly #holes = new Holes();
  readonly #seconds: MicroSeries;
  readonly #features: FeatureSeries;
  readonly #lastSeen = new Map<string, number>();
  #kept: Kept[] = [];

  constructor(identity: SymbolIdentity, options: EngineOptions, counts: EngineCounts) {
    this.#wait = waitOf(options);
    this.#counts = counts;
    this.#seconds = new MicroSeries(identity, this.#holes);
    this.#features = new FeatureSeries(this.#holes, options.grace, options.windows, options.features);
  }

  /** Returns the market's time at which the next row is given. */
  get due(): number {
    return this.#seconds.nextEnd + this.#wait;
  }

  /** Takes an input. Returns rows that have to be given again, because a repaired trade came too late for them. */
  add(record: InputRecord): AnyRecord[] {
    this.#counts.inputs += 1;
    if (this.#seconds.add(record)) {
      if (record.timestamp > (this.#lastSeen.get(record.type) ?? 0)) this.#lastSeen.set(record.type, record.timestamp);
      return [];
    }
    this.#counts.late += 1;
    const hole = record.type === 'trade' ? this.#holes.addLate(record.timestamp) : undefined;
    return hole ? this.#revise(hole) : [];
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
    for (const row of this.#seconds.close(now - this.#wait)) {
      if (row.timestamp > this.#features.end) yield* this.#give(row);
    }
  }

  /** Returns the rows that are left at the end of the input. */
  *finish(): Generator<AnyRecord> {
    for (const row of this.#seconds.finish()) {
      if (row.timestamp > this.#features.end) yield* this.#give(row);
    }
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
