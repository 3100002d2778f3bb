import type { BookMessage } from '../../model/book-message.js';
import { compareLongs } from '../../model/numbers.js';
import type { Market } from '../../model/records.js';

type Book = Pick<BookMessage, 'exchange' | 'market' | 'symbol'>;

/** What one connection goes on with: a whole book, and the deltas after it. */
type Joined = { readonly connection: string; readonly messages: readonly BookMessage[] };

/** Deltas of one book that wait on one connection, oldest first. */
type Waiting = { readonly book: Book; readonly deltas: BookMessage[] };

/** Deltas kept per book and connection: minutes of the busiest one. Without the oldest, an older snapshot does not fit. */
const MOST_DELTAS = 10_000;

/**
 * Deltas of books whose whole state arrives over REST.
 *
 * A snapshot over REST is some moments old when it arrives, and the deltas of these moments would be lost: the book would
 * be wrong from its first record. So the deltas wait here until a snapshot arrives that reaches up to the first of them:
 *
 *     deltas      99→101  101→102  102→105  105→107
 *     snapshot                    104                 contains the first two; 102→105 spans it and is applied next
 *
 * A snapshot older than the first delta is no use, and the next one is waited for.
 */
export class BookJoins {
  /** By book, then by connection. */
  readonly #waiting = new Map<string, Map<string, Waiting>>();

  /** Keeps a delta of a book that waits already. Returns false where none does. */
  keepsWaiting(connection: string, message: BookMessage): boolean {
    if (this.#waiting.size === 0 || message.action === 'snapshot') return false;
    const waiting = this.#waiting.get(keyOf(message))?.get(connection);
    if (!waiting) return false;
    waiting.deltas.push(message);
    if (waiting.deltas.length > MOST_DELTAS) waiting.deltas.shift();
    return true;
  }

  /** Begins to wait with a delta that continues no state. */
  wait(connection: string, message: BookMessage): void {
    const { exchange, market, symbol } = message;
    const byConnection = this.#waiting.get(keyOf(message)) ?? new Map<string, Waiting>();
    byConnection.set(connection, { book: { exchange, market, symbol }, deltas: [message] });
    this.#waiting.set(keyOf(message), byConnection);
  }

  /** Returns, of every connection whose deltas a snapshot reaches, the snapshot and what follows it. */
  take(snapshot: BookMessage): Joined[] {
    const joined: Joined[] = [];
    for (const [connection, { deltas }] of this.#waiting.get(keyOf(snapshot)) ?? []) {
      const rest = deltas.filter((delta) => isAfter(delta, snapshot));
      if (rest[0] && isBehindGap(rest[0], snapshot)) continue;
      this.forget(connection, snapshot);
      joined.push({ connection, messages: [snapshot, ...rest] });
    }
    return joined;
  }

  /** Returns the books of an exchange that wait. */
  waiting(exchange: string): { market: Market; symbol: string }[] {
    const books = [...this.#waiting.values()].flatMap((byConnection) => [...byConnection.values()].slice(0, 1));
    return books.filter(({ book }) => book.exchange === exchange).map(({ book: { market, symbol } }) => ({ market, symbol }));
  }

  /** Drops what waits of one book on a connection. */
  forget(connection: string, book: Book): void {
    const byConnection = this.#waiting.get(keyOf(book));
    byConnection?.delete(connection);
    if (byConnection?.size === 0) this.#waiting.delete(keyOf(book));
  }

  /** Drops what waits on a connection that has ended. */
  lost(connection: string): void {
    for (const byConnection of [...this.#waiting.values()])
      for (const { book } of [...byConnection.values()]) if (byConnection.has(connection)) this.forget(connection, book);
  }
}

/** Whether a delta is newer than a snapshot. Without sequences this is unknown, and the delta is applied. */
function isAfter({ sequence }: BookMessage, snapshot: BookMessage): boolean {
  return sequence === undefined || snapshot.sequence === undefined || compareLongs(sequence, snapshot.sequence) > 0;
}

/** Whether something is missing between a snapshot and the first delta after it. */
function isBehindGap({ previousSequence }: BookMessage, { sequence }: BookMessage): boolean {
  return previousSequence !== undefined && sequence !== undefined && compareLongs(previousSequence, sequence) > 0;
}

function keyOf({ exchange, market, symbol }: Book): string {
  return `${exchange} ${market} ${symbol}`;
}
