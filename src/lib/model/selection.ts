import type { AnyRecord, Market } from './records.js';

/** Which records are selected; an absent value does not restrict. Times are microseconds, `until` is exclusive. */
export type RecordSelection = {
  readonly exchanges?: readonly string[] | undefined;
  readonly markets?: readonly Market[] | undefined;
  readonly symbols?: readonly string[] | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
};

/**
 * Returns whether a record is of a selected exchange, market and symbol. A `clock` has no symbol. If it were dropped, the
 * last second of a silent symbol would stay open, so every clock of a selected market is selected.
 */
export function isOfSelection(record: AnyRecord, { exchanges, markets, symbols }: RecordSelection): boolean {
  if (exchanges && !exchanges.includes(record.exchange ?? '')) return false;
  if (markets && !(markets as readonly string[]).includes(record.market ?? '')) return false;
  return !symbols || !('symbol' in record) || symbols.includes(record.symbol ?? '');
}

/**
 * Returns whether a record lies in the selected time. A `gap` carries the time of its end: judged by that alone, a gap
 * that began before `until` would be dropped with the records after it. So a gap counts when any part of it does.
 */
export function isInTime(record: AnyRecord, { since, until }: RecordSelection): boolean {
  if (since !== undefined && record.timestamp < since) return false;
  return until === undefined || (record.type === 'gap' ? record.fromTimestamp : record.timestamp) < until;
}

/** Returns whether a record is selected. Every step uses this filter. */
export function isSelected(record: AnyRecord, selection: RecordSelection): boolean {
  return isOfSelection(record, selection) && isInTime(record, selection);
}

/** Yields the records that `isWanted` accepts, without empty batches. */
export async function* filtered(
  batches: AsyncIterable<readonly AnyRecord[]>,
  isWanted: (record: AnyRecord) => boolean,
): AsyncGenerator<AnyRecord[]> {
  for await (const records of batches) {
    const wanted = records.filter(isWanted);
    if (wanted.length > 0) yield wanted;
  }
}
