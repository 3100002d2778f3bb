import type { Summary } from '../../lib/cli/summary.js';
import type { Feature } from '../../lib/features/feature.js';
import { type FeatureRow, featureValue } from '../../lib/features/feature-series.js';
import { INPUTS, type Input } from '../../lib/features/inputs.js';
import { type FeatureReport, ROW_TYPES } from '../../lib/features/store/feature-run.js';
import { counted } from '../../lib/model/counted.js';
import type { AnyRecord } from '../../lib/model/records.js';

/** The channel that captures an input. */
const CHANNELS: Readonly<Record<Input, string>> = {
  trade: 'trade',
  book: 'book',
  ticker: 'ticker',
  mark: 'ticker',
  open_interest: 'ticker',
  funding: 'ticker',
};

const NOTHING = 'no rows: capture trades, books and tickers with mdtool stream --channels features';
const NOTHING_NEW = 'nothing new; rows are made of the records that mdtool stream --channels features captures';

/** Why a feature has no value, for people. */
const REASONS: Readonly<Record<string, string>> = {
  missing: 'its input is missing or too old',
  warming: 'warming up',
  thin: 'too few trades',
  flat: 'no variation',
  sideless: 'trades without side',
  gap: 'after a gap',
};

/** Observes the rows of a run: which features never have a value, and why. */
export class FeatureObserver {
  readonly features: readonly Feature[];
  /** Features without a value so far. */
  readonly #absent: Map<string, (row: FeatureRow) => unknown>;
  readonly #reasons = new Map<string, string>();
  #rows = 0;
  /** Rows of `micro`, which are all there is with `--rows micro`. */
  #seconds = 0;
  /** Rows with every feature that signals use. */
  #warm = 0;
  /** Seconds in unrepaired gaps, and the gaps themselves. */
  #incomplete = 0;
  #gaps = 0;

  constructor(features: readonly Feature[]) {
    this.features = features;
    this.#absent = new Map(features.map((feature) => [feature.name, featureValue(feature)]));
  }

  add(records: readonly AnyRecord[]): void {
    for (const record of records) {
      if (record.type === 'micro') this.#seconds += 1;
      if (record.type === 'micro' && !record.complete) this.#incomplete += 1;
      if (record.type === 'gap' && record.missing) this.#gaps += 1;
      if (record.type === 'features') this.#row(record);
    }
  }

  /** Completes the summary of a run. Returns the notices for the user. */
  summarize(summary: Summary, { counts, seen, broken, unique, stored }: FeatureReport): string[] {
    const { inputs, late, revised, unmarked, unused } = counts;
    if (broken.count > 0) summary.incomplete(`${counted(broken.count, 'input line')} could not be read`);
    if (stored) for (const type of ROW_TYPES) summary.count(type, stored.made[type] - stored.shown[type]);
    const duplicates = unique?.duplicates ?? 0;
    summary.note({ inputs, warm_rows: this.#warm, late, duplicates, revised_rows: revised, unmarked_gaps: unmarked, unused });
    const notes: string[] = [];
    if (duplicates > 0) notes.push(`${counted(duplicates, 'duplicate trade')} skipped`);
    if (late > 0)
      notes.push(
        `${counted(late, 'record')} arrived too late for ${late === 1 ? 'its row' : 'their rows'}; raise --grace to wait longer`,
      );
    if (unmarked > 0) notes.push(`${counted(unmarked, 'gap')} became known too late to correct every row in it`);
    if (this.#rows > 0) notes.push(...this.#absences(seen()));
    else if (this.#seconds === 0) notes.push(stored ? NOTHING_NEW : NOTHING);
    return notes;
  }

  /** Makes the run incomplete when the input has an unrepaired gap. */
  failOnGaps(summary: Summary): void {
    if (this.#incomplete + this.#gaps === 0) return;
    summary.incomplete(
      `${counted(this.#gaps, 'unrepaired gap')} in the input, ${counted(this.#incomplete, 'second')} in unrepaired gaps`,
    );
  }

  #row(record: Extract<AnyRecord, { type: 'features' }>): void {
    this.#rows += 1;
    if (record.warm) this.#warm += 1;
    for (const [name, read] of this.#absent) {
      const detail = record.detail as Readonly<Record<string, string>> | undefined;
      if (read(record) !== undefined) this.#absent.delete(name);
      else this.#setReason(name, detail?.[name] ?? 'missing');
    }
  }

  /** A rare input is missing in most rows: what a row with it says is more to the point. */
  #setReason(name: string, reason: string): void {
    if (reason !== 'missing' || !this.#reasons.has(name)) this.#reasons.set(name, reason);
  }

  /** Returns which features never had a value, and why: each of them in one of the lines. */
  #absences(seen: ReadonlySet<string>): string[] {
    const absent = this.features.filter(({ name }) => this.#absent.has(name));
    const unseen = (input: Input) => !seen.has(INPUTS[input].type);
    const inputs = new Set(absent.flatMap((feature) => feature.inputs).filter(unseen));
    const others = absent.filter((feature) => !feature.inputs.some(unseen));
    return [
      ...[...inputs].map((input) => {
        const names = absent.filter((feature) => feature.inputs.includes(input)).map(({ name }) => name);
        return `${names.join(', ')}: no ${INPUTS[input].type} records in the input; capture them with mdtool stream --channels ${CHANNELS[input]}`;
      }),
      ...(others.length > 0
        ? [
            `no value yet: ${others.map(({ name }) => `${name} (${REASONS[this.#reasons.get(name) ?? ''] ?? this.#reasons.get(name)})`).join(', ')}; see mdtool features --list`,
          ]
        : []),
    ];
  }
}
