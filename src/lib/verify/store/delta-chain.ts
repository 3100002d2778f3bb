import { sqlText } from '../../storage/database/duckdb.js';
import type { InspectedPartition, StoreInspection } from '../../storage/reading/store-inspection.js';
import { type Flaw, flawOf, inRange, type SymbolRange } from './day-scan.js';
import { checkFiles } from './file-findings.js';

/** The last whole snapshot or delta of a symbol. */
type Link = { readonly date: string; readonly sequence: string; readonly isWhole: boolean };

/**
 * Checks that stored deltas of books are continuous. In order of arrival each delta names the sequence of the one before
 * it, and the first after a whole snapshot spans the sequence of that snapshot (the rule of `Sequencer`). Deltas without
 * a sequence or a predecessor are not judged. Days must be read in order, because a chain continues over midnight.
 */
export class DeltaChains {
  readonly #inspection: StoreInspection;
  #links = new Map<string, Link>();
  /** Whole snapshots of the last day read. */
  #snapshots: { readonly date: string; readonly relation: string | undefined } | undefined;

  constructor(inspection: StoreInspection) {
    this.#inspection = inspection;
  }

  /** Returns, by symbol, the number of deltas that do not continue the book before them. */
  async breaks(deltas: InspectedPartition, range: SymbolRange): Promise<Flaw[]> {
    const { date } = deltas.partition;
    const rows = await this.#inspection.database.rows(
      `WITH messages AS (${await this.#messages(deltas, range)}),
       followed AS (
         SELECT *, lag("sequence") OVER chain AS "before", lag(is_whole) OVER chain AS after_whole, lag(arrival) OVER chain AS arrival_before
         FROM messages WINDOW chain AS (PARTITION BY "symbol" ORDER BY arrival, is_whole DESC, "sequence")),
       judged AS (
         SELECT *, NOT is_whole AND "previous_sequence" <> "before" AND arrival > arrival_before
           AND NOT (after_whole AND "before" BETWEEN "previous_sequence" AND "sequence") AS is_broken
         FROM followed)
       SELECT "symbol", count(*) FILTER (is_broken) AS count, epoch_us(min("timestamp") FILTER (is_broken)) AS at,
         coalesce(to_json(list(DISTINCT file ORDER BY file) FILTER (is_broken AND file IS NOT NULL))::VARCHAR, '[]') AS files,
         arg_max("sequence", arrival)::VARCHAR AS "last", arg_max(is_whole, arrival) AS last_is_whole
       FROM judged GROUP BY "symbol" ORDER BY "symbol"`,
    );
    for (const { symbol, last, last_is_whole: isWhole } of rows)
      if (last !== null) this.#links.set(String(symbol), { date, sequence: String(last), isWhole: isWhole === true });
    return rows.filter(({ count }) => Number(count) > 0).map(flawOf);
  }

  /** The deltas and whole snapshots of the day, after the last message of the day before. */
  async #messages(deltas: InspectedPartition, range: SymbolRange): Promise<string> {
    const branches = [
      `SELECT "symbol", "timestamp", epoch_us("local_timestamp") AS arrival, "sequence", "previous_sequence", file, false AS is_whole
       FROM ${this.#inspection.relation(deltas)} WHERE ${inRange(range)}`,
    ];
    const snapshots = await this.snapshotsOf(deltas);
    if (snapshots !== undefined)
      branches.push(
        `SELECT "symbol", "timestamp", epoch_us("local_timestamp"), "sequence", NULL, NULL, true
         FROM ${snapshots} WHERE "depth" IS NULL AND ${inRange(range)}`,
      );
    const before = dayBefore(deltas.partition.date);
    const carried = [...this.#links].filter(
      ([symbol, { date }]) => date === before && symbol >= range.from && symbol <= range.to,
    );
    if (carried.length > 0) {
      const values = carried.map(
        ([symbol, { sequence, isWhole }]) => `(${sqlText(symbol)}, NULL, 0, ${sequence}, NULL, NULL, ${isWhole})`,
      );
      branches.push(`VALUES ${values.join(', ')}`);
    }
    return branches.join(' UNION ALL ');
  }

  /** Returns a relation of the book snapshots of the same day, undefined where there are none. */
  async snapshotsOf({ partition, since }: InspectedPartition): Promise<string | undefined> {
    const { date } = partition;
    if (this.#snapshots?.date === date) return this.#snapshots.relation;
    const inspected = await this.#inspection.partition({ ...partition, type: 'book_snapshot' });
    const { readable } = await checkFiles(this.#inspection, inspected);
    const isEmpty = readable.length === 0 && inspected.open === undefined;
    const relation = isEmpty ? undefined : this.#inspection.relation({ ...inspected, files: readable, since });
    this.#snapshots = { date, relation };
    return relation;
  }
}

/** Returns the UTC day before one. */
export function dayBefore(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
}
