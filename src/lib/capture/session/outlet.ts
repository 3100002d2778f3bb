import type { FeedEvent } from '../../exchanges/exchange.js';
import type { AnyRecord } from '../../model/records.js';
import type { Statistics } from '../statistics.js';

/** Where records leave a capture: stamped with their arrival, and counted. */
export class Outlet {
  readonly #statistics: Statistics;
  #stamped = 0;

  constructor(statistics: Statistics) {
    this.#statistics = statistics;
  }

  /** Stamps a record with its arrival, strictly increasing within the writer, and adds it to `records`. */
  emit(record: AnyRecord | FeedEvent, at: number, records: AnyRecord[]): void {
    this.#stamped = Math.max(at, this.#stamped + 1);
    (record as { localTimestamp?: number | undefined }).localTimestamp = this.#stamped;
    this.pass(record, records);
  }

  /** Adds a record that has its stamp, or that nobody saw arrive. */
  pass(record: AnyRecord | FeedEvent, records: AnyRecord[]): void {
    this.#statistics.count(record as AnyRecord);
    records.push(record as AnyRecord);
  }
}
