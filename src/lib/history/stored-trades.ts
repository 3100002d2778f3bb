import { resolve } from 'node:path';
import type { Trade } from '../model/records.js';
import type { Span } from '../model/span.js';
import { sqlText } from '../storage/database/duckdb.js';
import { openSnapshot, readFailure } from '../storage/reading/store-snapshot.js';
import type { Topic } from './topic.js';

/** The content of a trade as far as two copies of it agree. */
export type TradeContent = Pick<Trade, 'price' | 'amount' | 'side'>;

/** A stored trade. */
export type StoredTrade = TradeContent & { readonly timestamp: number; readonly isCaptured: boolean };

/** Returns the stored trades of a topic within a span, by id. Throws a `FailureError` that names an unreadable file. */
export async function readStoredTrades(
  directory: string,
  topic: Topic,
  { from, until }: Span,
): Promise<Map<string, StoredTrade>> {
  const { exchange, market, symbol } = topic;
  const snapshot = await openSnapshot(directory, {
    types: ['trade'],
    exchanges: [exchange.id],
    markets: [market],
    symbols: [symbol],
    since: from,
    until,
  });
  try {
    if (snapshot.partitions('trade').length === 0) return new Map();
    const result = await snapshot.database.read(
      `SELECT "id", epoch_us("timestamp")::DOUBLE, "price", "amount", "side", "local_timestamp" IS NOT NULL
       FROM ${snapshot.relation('trade')} WHERE "symbol" = ${sqlText(symbol)}`,
    );
    return new Map(
      result.getRows().map(([id, timestamp, price, amount, side, isCaptured]) => {
        return [id as string, { timestamp, price, amount, side, isCaptured } as StoredTrade];
      }),
    );
  } catch (error) {
    throw readFailure(error, resolve(directory));
  } finally {
    await snapshot.close();
  }
}

/** Returns whether two trades with one id are copies of each other. */
export function isCopy(a: TradeContent, b: TradeContent): boolean {
  return a.price === b.price && a.amount === b.amount && a.side === b.side;
}

/** Counts of trades by time, price, amount and side, for trades whose ids differ by source. */
export class ContentCounts {
  readonly #counts = new Map<string, number>();

  add(trade: TradeContent & { readonly timestamp: number }): void {
    const key = contentKey(trade);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Removes one trade of this content. Returns false when there is none. */
  take(trade: TradeContent & { readonly timestamp: number }): boolean {
    const key = contentKey(trade);
    const count = this.#counts.get(key) ?? 0;
    if (count > 0) this.#counts.set(key, count - 1);
    return count > 0;
  }
}

function contentKey({ timestamp, price, amount, side }: TradeContent & { readonly timestamp: number }): string {
  return `${timestamp} ${price} ${amount} ${side}`;
}
