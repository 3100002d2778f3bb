import { excerpt, RecordError } from '../model/ndjson.js';
import { isRounded } from '../model/numbers.js';
import { checkedCandle } from '../model/plausible-candle.js';
import type { AnyRecord } from '../model/records.js';
import { isTime, MICROSECONDS_PER_MILLISECOND, SECOND } from '../model/time.js';

/** What decoding makes of bytes that are no text: two ids that differ there alone would be one, and a trade would be lost. */
const UNREADABLE = /[\0\ufffd]/;

/**
 * Returns the record of a foreign file, a candle by the shortest name of its interval. Some values fit the schema and
 * would corrupt a result: times in milliseconds fall into 1970, a price of 0 becomes a candle. Throws a `RecordError`
 * for them.
 */
export function plausible(record: AnyRecord): AnyRecord {
  const { timestamp } = record;
  if (timestamp !== undefined && !isTime(timestamp))
    throw new RecordError(
      `${record.type}.timestamp: expected microseconds of this century, was ${timestamp}${unitOf(timestamp)}`,
    );
  for (const name of ['symbol', 'id'] as const) {
    const text = (record as { readonly symbol?: string; readonly id?: string })[name];
    if (text !== undefined && UNREADABLE.test(text))
      throw new RecordError(`${record.type}.${name}: expected UTF-8 text, was ${excerpt(text)}`);
  }
  // Rows that share one rounded id would be dropped as copies of the first one.
  if (record.type === 'trade' && isRounded(record.id))
    throw new RecordError(`trade.id: ${record.id} was rounded by a spreadsheet; export the column as text`);
  if (record.type === 'trade' && !(record.price > 0 && record.amount > 0))
    throw new RecordError(`trade: expected price and amount above 0, was ${record.price} and ${record.amount}`);
  if (record.type !== 'candle') return record;
  const checked = checkedCandle(record);
  if ('fault' in checked) throw new RecordError(checked.fault);
  return checked.candle;
}

function unitOf(timestamp: number): string {
  if (isTime(timestamp * MICROSECONDS_PER_MILLISECOND)) return ', which may be milliseconds';
  return isTime(timestamp * SECOND) ? ', which may be seconds' : '';
}
