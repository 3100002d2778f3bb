import type { Summary } from '../../lib/cli/summary.js';
import { INPUTS, type Input } from '../../lib/features/inputs.js';
import type { EngineCounts } from '../../lib/features/options.js';
import { FEATURES } from '../../lib/features/registry.js';
import type { AnyRecord } from '../../lib/model/records.js';
import { camelCase } from '../../lib/model/schema.js';

/** What to capture for an input that never came. */
const CHANNELS: Readonly<Record<Input, string>> = {
  trade: 'trade',
  book: 'book',
  ticker: 'ticker',
  mark: 'ticker',
  open_interest: 'ticker',
  funding: 'ticker',
};

const NOTHING = 'no rows: capture trades, books and tickers with stream --channels features';
export const NOTHING_NEW = 'nothing is new; rows are made of what stream --channels features captures';

const PROPERTIES = new Map(FEATURES.map(({ name }) => [name, camelCase(name)]));

/** Looks at the rows that go by: which features never had a value, and why. */
export class FeatureTally {
  /** Features without a value so far. */
  readonly #absent = new Map(PROPERTIES);
  readonly #reasons = new Map<string, string>();
  /** Whether some row had a last trade. */
  #traded = false;
  rows = 0;
  /** Rows with every feature that signals use. */
  warm = 0;
  /** Seconds in gaps that could not be repaired, and such gaps themselves. */
  incomplete = 0;
  holes = 0;

  see(records: readonly AnyRecord[]): void {
    for (const record of records) {
      if (record.type === 'micro' && !record.complete) this.incomplete += 1;
      if (record.type === 'gap' && record.missing) this.holes += 1;
      if (record.type === 'features') this.#row(record);
    }
  }

  /** Completes the summary; returns what the user should know. */
  summarize(summary: Summary, { inputs, late, revised, unmarked, unused }: EngineCounts, nothing = NOTHING): string[] {
    summary.note({ inputs, warm_rows: this.warm, late, revised_rows: revised, unmarked_gaps: unmarked, unused });
    const notes: string[] = [];
    if (late > 0) notes.push(`${late} records came after their second was given; a longer --grace waits for more`);
    if (unmarked > 0) notes.push(`${unmarked} gaps became known so late that not every row they damage could be given again`);
    if (this.rows === 0) notes.push(nothing);
    else notes.push(...this.#absences());
    return notes;
  }

  /** Makes the run end as incomplete where an unrepaired gap lies in the input. */
  failOnGaps(summary: Summary): void {
    if (this.incomplete + this.holes === 0) return;
    summary.incomplete(`${this.holes} unrepaired gaps came, ${this.incomplete} seconds lie in such`);
  }

  #row(record: Extract<AnyRecord, { type: 'features' }>): void {
    this.rows += 1;
    if (record.close !== undefined) this.#traded = true;
    if (record.warm) this.warm += 1;
    for (const [name, property] of this.#absent) {
      const detail = record.detail as Readonly<Record<string, string>> | undefined;
      if ((record as unknown as Readonly<Record<string, unknown>>)[property] !== undefined) this.#absent.delete(name);
      else this.#reasons.set(name, detail?.[name] ?? 'missing');
    }
  }

  #absences(): string[] {
    const absent = FEATURES.filter(({ name }) => this.#absent.has(name));
    const missing = absent.filter(({ name }) => this.#reasons.get(name) === 'missing');
    const inputs = new Set(missing.flatMap((feature) => feature.inputs).filter((input) => this.#isMissing(input)));
    const others = absent.filter((feature) => !missing.includes(feature));
    return [
      ...[...inputs].map((input) => {
        const names = missing.filter((feature) => feature.inputs.includes(input)).map(({ name }) => name);
        return `${names.join(', ')}: no ${INPUTS[input].type} came; capture it with stream --channels ${CHANNELS[input]}`;
      }),
      ...(others.length > 0
        ? [
            `never there: ${others.map(({ name }) => `${name} (${this.#reasons.get(name)})`).join(', ')}; --list says what they need`,
          ]
        : []),
    ];
  }

  /** An input of which some feature has a value did come; of trades there is a price long before one is warm. */
  #isMissing(input: Input): boolean {
    if (input === 'trade' && this.#traded) return false;
    return FEATURES.every(({ name, inputs }) => !inputs.includes(input) || this.#absent.has(name));
  }
}
