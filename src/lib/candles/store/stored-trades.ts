import { join } from 'node:path';
import type { MarketName } from '../../model/series.js';
import type { Span } from '../../model/span.js';
import { DAY, formatDate } from '../../model/time.js';
import { ofMarket, withinSpan } from '../../storage/database/conditions.js';
import { numberedParquetFile } from '../../storage/database/record-load.js';
import type { StoredFile } from '../../storage/log/store-state.js';
import type { StoreSnapshot } from '../../storage/reading/store-snapshot.js';

/** Trades of one market as SQL relation; `position` is their order within a symbol, where the files define it. */
type StoredTrades = { readonly relation: string; readonly position?: string | undefined };

/** Exceeds the rows of any file: the positions of the next file start here. */
const FILE_STEP = 2 ** 40;

/**
 * Returns the stored trades of a market within a span. Files of the store are sorted by symbol and trade order. Where all
 * is sealed and no two files overlap in time, the row number is the position, which is much cheaper to compare than
 * time, sequence, arrival and id.
 */
export function tradesWithin(snapshot: StoreSnapshot, root: string, market: MarketName, span: Span): StoredTrades {
  const dates = datesOf(span);
  const condition = `${ofMarket(market)} AND ${withinSpan(span)}`;
  const files = dates.map((date) => sortedFiles(snapshot, market, date));
  if (files.every((list) => list !== undefined)) {
    const inOrder = files.flat().filter(({ min, max }) => min < span.until && max >= span.from);
    if (inOrder.length > 0) return { relation: numbered(root, inOrder, span), position: 'position' };
  }
  const days = dates.map((date) => `SELECT * FROM ${snapshot.relation('trade', date)} WHERE ${condition}`);
  return { relation: `(${days.join(' UNION ALL ')})` };
}

/** Returns the files of a day in order of time, undefined when they do not contain all of its trades in order. */
function sortedFiles(snapshot: StoreSnapshot, { exchange, market }: MarketName, date: string): StoredFile[] | undefined {
  const isOpen = snapshot
    .open('trade')
    .some(({ partition }) => partition.exchange === exchange && partition.market === market && partition.date === date);
  if (isOpen) return undefined;
  const files = snapshot.state.partition({ type: 'trade', exchange, market, date }).sort((a, b) => a.min - b.min);
  const overlaps = files.some((file, index) => file.overlay || file.min <= (files[index - 1]?.max ?? -1));
  return overlaps ? undefined : files;
}

function numbered(root: string, files: readonly StoredFile[], span: Span): string {
  const reads = files.map(({ path, min, max }, index) => {
    const isWhole = min >= span.from && max < span.until;
    return `SELECT "exchange", "market", "symbol", "timestamp", "local_timestamp", "price", "amount", "side",
        file_row_number + ${index * FILE_STEP} AS position
      FROM ${numberedParquetFile(join(root, path))}
      ${isWhole ? '' : `WHERE ${withinSpan(span)}`}`;
  });
  return `(${reads.join(' UNION ALL ')})`;
}

/** Returns the UTC days of a span. */
export function datesOf({ from, until }: Span): string[] {
  const dates: string[] = [];
  for (let day = Math.floor(from / DAY) * DAY; day < until; day += DAY) dates.push(formatDate(day));
  return dates;
}
