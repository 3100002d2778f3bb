import type { Trade } from '../model/records.js';
import { SeenTrades, type TradeKey } from '../model/seen-trades.js';
import type { Span } from '../model/span.js';
import { sqlText } from '../storage/database/duckdb.js';
import { storePaths } from '../storage/files/store-directory.js';
import { openSnapshot, readFailure } from '../storage/reading/store-snapshot.js';
import type { Topic } from './topic.js';

/** Rows fetched at a time. */
const ROWS = 50_000;

type StoredTrade = TradeKey & Pick<Trade, 'timestamp' | 'sequence'> & { readonly isCaptured?: boolean };

type FoundTrade = { readonly timestamp: number; readonly isCopy: boolean; readonly position: number | undefined };

/** Above any number of trades of one time; sequences of an exchange are larger. */
export const MOST_AT_ONE_TIME = 1_000_000;

function placeOf({ timestamp, sequence, price, amount, side }: Pick<Trade, 'timestamp' | 'sequence'> & TradeKey): TradeKey {
  return { id: `${timestamp} ${sequence}`, price, amount, side };
}

/** The stored trades of one topic and time. */
export class StoredTrades {
  readonly #ids = new SeenTrades();
  readonly #times: number[] = [];
  /** Positions of fetched trades among those of their time. */
  readonly #positions: (number | undefined)[] = [];
  /** Times and sequences of fetched trades. */
  readonly #places = new SeenTrades();
  /** Fetched trades whose ids are of another source. */
  readonly foreign = new ContentCounts();

  add(trade: StoredTrade, isForeign: boolean): void {
    this.#times.push(trade.timestamp);
    this.#ids.add(trade, this.#times.length);
    if (isForeign) this.foreign.add(trade);
    const position = trade.isCaptured ? Number.NaN : Number(trade.sequence ?? Number.NaN);
    this.#positions.push(Math.abs(position) < MOST_AT_ONE_TIME ? position : undefined);
    if (!trade.isCaptured && trade.sequence !== undefined) this.#places.add(placeOf(trade), 1);
  }

  /** Returns whether a fetched trade has the time and the sequence of this one. */
  hasPlace(trade: Trade): boolean {
    return this.#places.find(placeOf(trade)) !== undefined;
  }

  /**
   * Returns the time of the stored trade with this id, whether it has the same price, amount and side, and the position that
   * a file gave it among the trades of its time.
   */
  find(trade: TradeKey): FoundTrade | undefined {
    const found = this.#ids.find(trade);
    if (!found) return undefined;
    const [timestamp, position] = [this.#times[found.line - 1] as number, this.#positions[found.line - 1]];
    return { timestamp, position, isCopy: found.isCopy };
  }
}

/**
 * Returns the stored trades of a topic within a span; `isOwn` accepts ids of the compared source; trades with other
 * ids are foreign. Throws a `FailureError` that names an unreadable file.
 */
export async function readStoredTrades(
  directory: string,
  topic: Topic,
  { from, until }: Span,
  isOwn: (id: string) => boolean,
): Promise<StoredTrades> {
  const { exchange, market, symbol } = topic;
  const stored = new StoredTrades();
  const snapshot = await openSnapshot(directory, {
    types: ['trade'],
    exchanges: [exchange.id],
    markets: [market],
    symbols: [symbol],
    since: from,
    until,
  });
  try {
    if (snapshot.partitions('trade').length === 0) return stored;
    const { database } = snapshot;
    await database.run(
      `CREATE TEMP TABLE stored AS SELECT "id", epoch_us("timestamp")::DOUBLE AS time, "price", "amount", "side",
         "local_timestamp" IS NOT NULL AS is_captured, "sequence"::VARCHAR AS sequence FROM ${snapshot.relation('trade')} WHERE "symbol" = ${sqlText(symbol)}`,
    );
    const count = await database.number('SELECT count(*) FROM stored');
    for (let row = 0; row < count; row += ROWS) {
      const result = await database.read(`SELECT * FROM stored WHERE rowid >= ${row} AND rowid < ${row + ROWS}`);
      for (const [id, timestamp, price, amount, side, isCaptured, sequence] of result.getRows()) {
        const trade = { id, timestamp, price, amount, side, isCaptured, sequence: sequence ?? undefined } as StoredTrade;
        stored.add(trade, isCaptured !== true && !isOwn(trade.id));
      }
    }
    return stored;
  } catch (error) {
    throw readFailure(error, storePaths(directory).location);
  } finally {
    await snapshot.close();
  }
}

type Content = Omit<TradeKey, 'id'> & { readonly timestamp: number };

/** Counts of trades by time, price, amount and side, for trades whose ids differ by source. */
export class ContentCounts {
  readonly #counts = new Map<string, number>();

  add(trade: Content): void {
    const key = contentKey(trade);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Removes one trade of this content. Returns false when there is none. */
  take(trade: Content): boolean {
    const key = contentKey(trade);
    const count = this.#counts.get(key) ?? 0;
    if (count > 0) this.#counts.set(key, count - 1);
    return count > 0;
  }
}

function contentKey({ timestamp, price, amount, side }: Content): string {
  return `${timestamp} ${price} ${amount} ${side}`;
}
