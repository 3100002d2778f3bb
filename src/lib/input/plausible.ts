import { RecordError } from '../model/ndjson.js';
import type { AnyRecord } from '../model/records.js';
import { isTime, MICROSECONDS_PER_MILLISECOND, SECOND } from '../model/time.js';

/**
 * Returns a record that was written elsewhere, as it is. Throws a `RecordError` where it fits the schema and cannot be
 * meant: times in milliseconds or seconds would fall into 1970, and a price or an amount of 0 would become a candle.
 */
export function plausible(record: AnyRecord): AnyRecord {
  const { timestamp } = record;
  if (timestamp !== undefined && !isTime(timestamp))
    throw new RecordError(
      `${record.type}.timestamp: expected microseconds of this century, was ${timestamp}${unitOf(timestamp)}`,
    );
  if (record.type === 'trade' && !(record.price > 0 && record.amount > 0))
    throw new RecordError(`trade: expected price and amount above 0, was ${record.price} and ${record.amount}`);
  return record;
}

function unitOf(timestamp: number): string {
  if (isTime(timestamp * MICROSECONDS_PER_MILLISECOND)) return ', which may be milliseconds';
  return isTime(timestamp * SECOND) ? ', which may be seconds' : '';
}
