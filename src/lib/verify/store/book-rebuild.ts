import { OrderBook } from '../../book/order-book.js';
import { Sequencer } from '../../book/sequencer.js';
import type { InspectedPartition, StoreInspection } from '../../storage/reading/store-inspection.js';
import { type Flaw, inRange, symbolRanges } from './day-scan.js';
import { type DeltaChains, dayBefore } from './delta-chain.js';

/** Number of messages sorted at once, and of messages whose levels are in memory at once. */
export type RebuildLimits = { readonly sorted: number; readonly read: number };

const LIMITS: RebuildLimits = { sorted: 200_000, read: 16_384 };

/** One stored delta of a book, or a whole snapshot that replaces it, with the number of levels of each side. */
type Message = [
  symbol: string,
  time: number,
  isWhole: boolean,
  sequence: string | null,
  previous: string | null,
  bids: number,
  asks: number,
];

/** A book rebuilt from stored messages; unknown from a message that does not continue it until the next whole snapshot. */
type Rebuilt = { readonly book: OrderBook; readonly sequencer: Sequencer; isKnown: boolean };

type Crossing = { readonly count: number; readonly at: number; readonly file: string | undefined };

/**
 * Applies the stored deltas of a day to their whole snapshots in order of arrival, and finds crossed books, whose best bid
 * reaches the best ask: no matching engine leaves a book like that. Days must be read in order, because books continue
 * over midnight. Memory holds a few messages and one book per symbol.
 */
export class BookRebuild {
  readonly #inspection: StoreInspection;
  readonly #chains: DeltaChains;
  readonly #limits: RebuildLimits;
  readonly #books = new Map<string, Rebuilt>();
  #date = '';

  constructor(inspection: StoreInspection, chains: DeltaChains, limits = LIMITS) {
    this.#inspection = inspection;
    this.#chains = chains;
    this.#limits = limits;
  }

  /** Returns, by symbol, the number of deltas of a day after which the book is crossed, and the file of the first. */
  async crossings(deltas: InspectedPartition, symbols: ReadonlyMap<string, { readonly records: number }>): Promise<Flaw[]> {
    const { date } = deltas.partition;
    if (dayBefore(date) !== this.#date) this.#books.clear();
    this.#date = date;
    const found = new Map<string, Crossing>();
    for (const range of symbolRanges(symbols, this.#limits.sorted)) {
      const records = range.from === range.to ? (symbols.get(range.from)?.records ?? 0) : 0;
      for (const condition of await this.#slices(deltas, inRange(range), records)) {
        await this.#sort(deltas, condition);
        await this.#apply(found);
      }
    }
    await this.#inspection.database.run(`DROP TABLE IF EXISTS ${MESSAGES}`);
    return [...found].map(([symbol, { count, at, file }]) => ({ symbol, count, at, files: file === undefined ? [] : [file] }));
  }

  /** Sorts the messages of one symbol in parts of a day: all of them may not fit into memory. */
  async #slices(deltas: InspectedPartition, condition: string, records: number): Promise<string[]> {
    const count = Math.ceil(records / this.#limits.sorted);
    if (count <= 1) return [condition];
    const [row] = await this.#inspection.database.rows(
      `SELECT epoch_us(min("local_timestamp")) AS first, epoch_us(max("local_timestamp")) AS last
       FROM ${this.#inspection.relation(deltas)} WHERE ${condition}`,
    );
    const [first, last] = [Number(row?.first), Number(row?.last)];
    const bounds = Array.from({ length: count - 1 }, (_, at) => Math.floor(first + ((last - first) * (at + 1)) / count));
    return [...bounds, undefined].map((until, at) => {
      const from = bounds[at - 1];
      const begin = from === undefined ? '' : ` AND "local_timestamp" >= make_timestamptz(${from})`;
      return `${condition}${begin}${until === undefined ? '' : ` AND "local_timestamp" < make_timestamptz(${until})`}`;
    });
  }

  async #sort(deltas: InspectedPartition, condition: string): Promise<void> {
    const snapshots = await this.#chains.snapshotsOf(deltas);
    const columns = '"symbol", "timestamp", "local_timestamp", "sequence", "bids", "asks"';
    const whole =
      snapshots === undefined
        ? ''
        : `UNION ALL SELECT ${columns}, NULL, NULL, true FROM ${snapshots} WHERE "depth" IS NULL AND ${condition}`;
    await this.#inspection.database.run(
      `CREATE OR REPLACE TEMP TABLE ${MESSAGES} AS SELECT * FROM (
         SELECT ${columns}, "previous_sequence", file, false AS is_whole FROM ${this.#inspection.relation(deltas)} WHERE ${condition}
         ${whole})
       ORDER BY "symbol", "local_timestamp", is_whole DESC, "sequence"`,
    );
  }

  async #apply(found: Map<string, Crossing>): Promise<void> {
    const { database } = this.#inspection;
    const rows = await database.number(`SELECT count(*) FROM ${MESSAGES}`);
    for (let from = 0; from < rows; from += this.#limits.read) {
      const piece = `(SELECT * FROM ${MESSAGES} WHERE rowid >= ${from} AND rowid < ${from + this.#limits.read} ORDER BY rowid)`;
      const levels = await database.doubles(`SELECT unnest(flatten(list_concat("bids", "asks"))) FROM ${piece}`);
      const messages = await database.read(
        `SELECT "symbol", epoch_us("timestamp")::DOUBLE, is_whole, "sequence"::VARCHAR, "previous_sequence"::VARCHAR,
           len("bids")::DOUBLE, len("asks")::DOUBLE FROM ${piece}`,
      );
      let next = 0;
      for (const [row, message] of (messages.getRows() as unknown as Message[]).entries()) {
        const [symbol, at, , , , bids, asks] = message;
        const isCrossed = this.#isCrossedBy(message, levels, next);
        next += 2 * (bids + asks);
        if (!isCrossed) continue;
        const known = found.get(symbol) ?? { count: 0, at, file: await this.#fileOf(from + row) };
        found.set(symbol, { ...known, count: known.count + 1 });
      }
    }
  }

  /** Whether a delta leaves its book crossed. A crossed snapshot is reported with the snapshots. */
  #isCrossedBy([symbol, , isWhole, sequence, previous, bids, asks]: Message, levels: Float64Array, from: number): boolean {
    const own = this.#books.get(symbol) ?? { book: new OrderBook(), sequencer: new Sequencer(), isKnown: false };
    this.#books.set(symbol, own);
    if (isWhole) {
      own.book.clear();
      own.sequencer.restart(sequence ?? undefined);
      own.isKnown = own.book.changeFlat(levels, from, bids, asks) === undefined;
      return false;
    }
    if (!own.isKnown) return false;
    const continuity = own.sequencer.follow(sequence ?? undefined, previous ?? undefined);
    if (continuity === 'stale') return false;
    own.isKnown = continuity === 'next' && own.book.changeFlat(levels, from, bids, asks) === undefined;
    return own.isKnown && own.book.isCrossed;
  }

  async #fileOf(row: number): Promise<string | undefined> {
    const [found] = await this.#inspection.database.rows(`SELECT file FROM ${MESSAGES} WHERE rowid = ${row}`);
    return typeof found?.file === 'string' ? found.file : undefined;
  }
}

/** Temporary table of the current messages. */
const MESSAGES = 'book_messages';
