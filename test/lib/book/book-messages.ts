import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { BookMessage } from '../../../src/lib/model/book-message.js';
import type { Level } from '../../../src/lib/model/schema.js';

export type Arrival = { readonly message: BookMessage; readonly at: number };

type Row = { at: number; connection: number; connect?: string; frame?: string };

/** Reads the book messages of a bundled tape in the plainest way, without any of our adapters. */
export function bookMessages(tape: 'bitget-v2' | 'bybit-v5'): Arrival[] {
  const lines = gunzipSync(readFileSync(join(import.meta.dirname, `../../../fixtures/${tape}.tape.ndjson.gz`))).toString();
  const urls = new Map<number, string>();
  const arrivals: Arrival[] = [];
  for (const line of lines.trimEnd().split('\n')) {
    const { at, connection, connect, frame }: Row = JSON.parse(line);
    if (connect) urls.set(connection, connect);
    if (!frame) continue;
    const body = JSON.parse(frame);
    const message = tape === 'bitget-v2' ? bitget(body) : bybit(body, urls.get(connection) ?? '');
    if (message) arrivals.push({ message, at });
  }
  return arrivals;
}

// biome-ignore lint/suspicious/noExplicitAny: a frame as it came
function bitget({ action, arg, data }: any): BookMessage | undefined {
  if (arg?.channel !== 'books' || !data) return undefined;
  const { bids, asks, ts, checksum } = data[0];
  return {
    type: 'book_message',
    exchange: 'bitget',
    market: arg.instType === 'SPOT' ? 'spot' : 'linear',
    symbol: arg.instId,
    timestamp: Number(ts) * 1000,
    action: action === 'snapshot' ? 'snapshot' : 'delta',
    bids,
    asks,
    checksum: checksum === 0 ? undefined : checksum,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a frame as it came
function bybit({ topic, type, data, cts }: any, url: string): BookMessage | undefined {
  if (!topic?.startsWith('orderbook.')) return undefined;
  return {
    type: 'book_message',
    exchange: 'bybit',
    market: url.endsWith('spot') ? 'spot' : 'linear',
    symbol: data.s,
    timestamp: cts * 1000,
    action: type,
    bids: data.b,
    asks: data.a,
    sequence: String(data.u),
    previousSequence: type === 'delta' ? String(data.u - 1) : undefined,
    maxLevels: Number(topic.split('.')[1]),
  };
}

type PlainLevels = { bids: Level[]; asks: Level[] };

/** A book as one would write it on a napkin: two maps by price, sorted when asked. */
export class PlainBook {
  bids = new Map<number, number>();
  asks = new Map<number, number>();

  apply({ action, bids, asks, maxLevels }: Pick<BookMessage, 'action' | 'bids' | 'asks' | 'maxLevels'>): void {
    if (action === 'snapshot') {
      this.bids.clear();
      this.asks.clear();
    }
    for (const [side, levels] of [
      [this.bids, bids],
      [this.asks, asks],
    ] as const) {
      for (const [price, amount] of levels) {
        if (Number(amount) === 0) side.delete(Number(price));
        else side.set(Number(price), Number(amount));
      }
    }
    if (maxLevels === undefined) return;
    const { bids: bestBids, asks: bestAsks } = this.top(maxLevels);
    this.bids = new Map(bestBids);
    this.asks = new Map(bestAsks);
  }

  top(limit = Number.POSITIVE_INFINITY): PlainLevels {
    return {
      bids: [...this.bids].sort(([a], [b]) => b - a).slice(0, limit),
      asks: [...this.asks].sort(([a], [b]) => a - b).slice(0, limit),
    };
  }
}
