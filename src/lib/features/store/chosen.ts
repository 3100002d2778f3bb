import type { AnyRecord } from '../../model/records.js';
import type { StoreSelection } from '../../storage/reading/store-selection.js';

/** Returns the records of the chosen exchanges, markets and symbols; a clock belongs to its market. */
export async function* chosen(
  input: AsyncIterable<readonly AnyRecord[]>,
  selection: Pick<StoreSelection, 'exchanges' | 'markets' | 'symbols'>,
): AsyncGenerator<AnyRecord[]> {
  for await (const records of input) {
    const wanted = records.filter((record) => isChosen(record, selection));
    if (wanted.length > 0) yield wanted;
  }
}

/** Returns the rows of the chosen time, and what passes through. Rows before it were needed to fill windows. */
export async function* within(
  rows: AsyncIterable<readonly AnyRecord[]>,
  { since, until }: Pick<StoreSelection, 'since' | 'until'>,
): AsyncGenerator<AnyRecord[]> {
  for await (const records of rows) {
    const wanted = records.filter(
      ({ timestamp }) => (since === undefined || timestamp >= since) && (until === undefined || timestamp < until),
    );
    if (wanted.length > 0) yield wanted;
  }
}

function isChosen(
  record: AnyRecord,
  { exchanges, markets, symbols }: Pick<StoreSelection, 'exchanges' | 'markets' | 'symbols'>,
): boolean {
  if (exchanges && !exchanges.includes(record.exchange as string)) return false;
  if (markets && !(markets as readonly unknown[]).includes(record.market)) return false;
  return !symbols || record.type === 'clock' || !('symbol' in record) || symbols.includes(record.symbol as string);
}
