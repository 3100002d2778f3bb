import { OrderBook } from '../../book/order-book.js';
import { Sequencer } from '../../book/sequencer.js';
import { type NumberLists, rowGroups, type TypedChunk, typedChunks } from '../../storage/database/typed-chunks.js';
import type { InspectedPartition, StoreInspection } from '../../storage/reading/store-inspection.js';
import { type Flaw, inRange, symbolRanges } from './day-scan.js';
import { type DeltaChains, dayBefore } from './delta-chain.js';

/** Number of messages sorted at once: all of a day may not fit into memory. */
const MOST_SORTED = 200_000;

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
  readonly #most: number;
  readonly #books = new Map<string, Rebuilt>();
  #date = '';

  constructor(inspection: StoreInspection, chains: DeltaChains, most = MOST_SORTED) {
    this.#inspection = inspection;
    this.#chains = chains;
    this.#most = most;
  }

  /** Returns, by symbol, the number of deltas of a day after which the book is crossed, and the file of the first. */
  async crossings(deltas: InspectedPartition, symbols: ReadonlyMap<string, { readonly records: number }>): Promise<Flaw[]> {
    const { date } = deltas.partition;
    if (dayBefore(date) !== this.#date) this.#books.clear();
    this.#date = date;
    const found = new Map<string, Crossing>();
    for (const range of symbolRanges(symbols, this.#most)) {
      const records = range.from === range.to ? (symbols.get(range.from)?.records ?? 0) : 0;
      for (const condition of await this.#slices(deltas, inRange(range), records)) {
        const { names, rows } = await this.#sort(deltas, condition);
        if (rows > 0) await this.#apply(names, rows, found);
      }
    }
    await this.#inspection.database.run(`DROP TABLE IF EXISTS ${MESSAGES}`);
    return [...found].map(([symbol, { count, at, file }]) => ({ symbol, count, at, files: file === undefined ? [] : [file] }));
  }

  /** Sorts the messages of one symbol in parts of a day: all of them may not fit into memory. */
  async #slices(deltas: InspectedPartition, condition: string, records: number): Promise<string[]> {
    const count = Math.ceil(records / this.#most);
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

  /** Sorts messages into a table, the levels of each in one flat list. Returns their symbols and number. */
  async #sort(
    deltas: InspectedPartition,
    condition: string,
  ): Promise<{ readonly names: readonly string[]; readonly rows: number }> {
    const { database } = this.#inspection;
    const snapshots = await this.#chains.snapshotsOf(deltas);
    const columns = '"symbol", "timestamp", "local_timestamp", "sequence", "bids", "asks"';
    const whole =
      snapshots === undefined
        ? ''
        : `UNION ALL SELECT ${columns}, NULL, NULL, true FROM ${snapshots} WHERE "depth" IS NULL AND ${condition}`;
    const messages = `(SELECT ${columns}, "previous_sequence", file, false AS is_whole
      FROM ${this.#inspection.relation(deltas)} WHERE ${condition} ${whole})`;
    await database.run('DROP TYPE IF EXISTS book_symbols');
    const { names, rows, code } = await rowGroups(database, messages, ['symbol'], 'book_symbols');
    await database.run(
      `CREATE OR REPLACE TEMP TABLE ${MESSAGES} AS SELECT ${code} AS code, epoch_us("timestamp")::DOUBLE AS time, file,
         is_whole::INTEGER + 2 * ("sequence" IS NOT NULL)::INTEGER + 4 * ("previous_sequence" IS NOT NULL)::INTEGER AS parts,
         coalesce("sequence", 0) AS sequence, coalesce("previous_sequence", 0) AS previous,
         coalesce(len("bids"), 0)::INTEGER AS bids, coalesce(len("asks"), 0)::INTEGER AS asks,
         flatten(list_concat("bids", "asks")) AS levels
       FROM ${messages} AS messages ORDER BY code, "local_timestamp", is_whole DESC, messages."sequence"`,
    );
    return { names: names.map(([name]) => name as string), rows };
  }

  async #apply(names: readonly string[], rows: number, found: Map<string, Crossing>): Promise<void> {
    const select = `SELECT code, time, parts, sequence, previous, bids, asks, levels, coalesce(file, '') FROM ${MESSAGES} ORDER BY rowid`;
    for await (const chunk of typedChunks(this.#inspection.database, select, rows)) {
      const [codes, times] = [chunk.integers(0), chunk.numbers(1)];
      const messages = new MessageChunk(chunk);
      for (let row = 0; row < chunk.rows; row++) {
        const symbol = names[codes[row] as number] as string;
        if (!this.#isCrossedBy(symbol, messages, row)) continue;
        const known = found.get(symbol) ?? { count: 0, at: times[row] as number, file: chunk.text(8, row) || undefined };
        found.set(symbol, { ...known, count: known.count + 1 });
      }
    }
  }

  /** Whether a delta leaves its book crossed. A crossed snapshot is reported with the snapshots. */
  #isCrossedBy(symbol: string, messages: MessageChunk, row: number): boolean {
    let own = this.#books.get(symbol);
    if (own === undefined) {
      own = { book: new OrderBook(), sequencer: new Sequencer(), isKnown: false };
      this.#books.set(symbol, own);
    }
    if (messages.isWhole(row)) {
      own.book.clear();
      own.sequencer.restart(messages.sequence(row));
      own.isKnown = messages.change(own.book, row);
      return false;
    }
    if (!own.isKnown) return false;
    const continuity = own.sequencer.follow(messages.sequence(row), messages.previous(row));
    if (continuity === 'stale') return false;
    own.isKnown = continuity === 'next' && messages.change(own.book, row);
    return own.isKnown && own.book.isCrossed;
  }
}

/** Some messages: stored deltas of books, and whole snapshots that replace them. */
class MessageChunk {
  readonly #parts: Int32Array;
  readonly #sequences: BigUint64Array;
  readonly #previous: BigUint64Array;
  readonly #bids: Int32Array;
  readonly #asks: Int32Array;
  readonly #levels: NumberLists;

  constructor(chunk: TypedChunk) {
    this.#parts = chunk.integers(2);
    this.#sequences = chunk.bits(3);
    this.#previous = chunk.bits(4);
    this.#bids = chunk.integers(5);
    this.#asks = chunk.integers(6);
    this.#levels = chunk.lists(7);
  }

  isWhole(row: number): boolean {
    return this.#has(row, 1);
  }

  sequence(row: number): string | undefined {
    return this.#has(row, 2) ? String(BigInt.asIntN(64, this.#sequences[row] as bigint)) : undefined;
  }

  previous(row: number): string | undefined {
    return this.#has(row, 4) ? String(BigInt.asIntN(64, this.#previous[row] as bigint)) : undefined;
  }

  /** Applies the levels of a message to a book. Returns whether the book took them. */
  change(book: OrderBook, row: number): boolean {
    const { numbers, start } = this.#levels;
    return book.changeFlat(numbers, start(row), this.#bids[row] as number, this.#asks[row] as number) === undefined;
  }

  #has(row: number, part: number): boolean {
    return ((this.#parts[row] as number) & part) !== 0;
  }
}

/** Temporary table of the current messages. */
const MESSAGES = 'book_messages';
