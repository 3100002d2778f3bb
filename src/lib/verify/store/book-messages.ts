import type { OrderBook } from '../../book/order-book.js';
import { groupCode, type NumberLists, rowGroups, type TypedChunk, typedChunks } from '../../storage/database/typed-chunks.js';
import type { InspectedPartition, StoreInspection } from '../../storage/reading/store-inspection.js';
import { inRange, symbolRanges } from './day-scan.js';
import { checkFiles } from './file-findings.js';

/** The deltas of a day, and the number of records of each of their symbols. */
export type BookDay = {
  readonly deltas: InspectedPartition;
  readonly symbols: ReadonlyMap<string, { readonly records: number }>;
};

/** Some messages, and the symbols that their codes stand for. */
type Messages = { readonly names: readonly string[]; readonly chunk: MessageChunk };

/** A whole snapshot among others. */
export type WholeBook = { readonly chunk: MessageChunk; readonly row: number };

/** Whole snapshots of a day by symbol, in order of arrival. */
type WholeBooks = ReadonlyMap<string, readonly WholeBook[]>;

/** Messages that are sorted at once, and levels of whole snapshots that are held at once: all of a day may not fit into memory. */
const MOST_SORTED = 200_000;
const MOST_LEVELS = 1_000_000;

/** Temporary table of the current messages. */
const MESSAGES = 'book_messages';

const SNAPSHOT_COLUMNS =
  '"symbol", "timestamp", "local_timestamp", "sequence", NULL AS "previous_sequence", "bids", "asks", NULL AS file, true AS is_whole';
const DELTA_COLUMNS =
  '"symbol", "timestamp", "local_timestamp", "sequence", "previous_sequence", "bids", "asks", file, false AS is_whole';

/** Reads the book messages of a day: deltas, and the whole snapshots that replace them. */
export class BookMessages {
  readonly #inspection: StoreInspection;
  readonly #most: number;
  /** Whole snapshots of the last day read: to look at their files again would take as long as reading them. */
  #snapshots: { readonly date: string; readonly relation: string | undefined } | undefined;

  constructor(inspection: StoreInspection, most = MOST_SORTED) {
    this.#inspection = inspection;
    this.#most = most;
  }

  /** Yields the deltas of a day in the order in which they are stored, which need not be that of their arrival. */
  async *stored({ deltas, symbols }: BookDay): AsyncGenerator<Messages> {
    const { database } = this.#inspection;
    const names = [...symbols.keys()].sort();
    const code = await this.#code(names);
    const rows = [...symbols.values()].reduce((sum, { records }) => sum + records, 0);
    const messages = `(SELECT ${DELTA_COLUMNS} FROM ${this.#inspection.relation(deltas)})`;
    for await (const chunk of typedChunks(database, selection(code, messages), rows))
      yield { names, chunk: new MessageChunk(chunk) };
  }

  /** Returns the whole snapshots of a day; undefined where they are too many to be held. */
  async wholeBooks({ deltas }: BookDay): Promise<WholeBooks | undefined> {
    const { database } = this.#inspection;
    const books = new Map<string, WholeBook[]>();
    const snapshots = await this.#snapshotsOf(deltas);
    if (snapshots === undefined) return books;
    const whole = `(SELECT ${SNAPSHOT_COLUMNS} FROM ${snapshots} WHERE "depth" IS NULL)`;
    const levels = await database.number(
      `SELECT coalesce(sum(coalesce(len("bids"), 0) + coalesce(len("asks"), 0)), 0) FROM ${whole}`,
    );
    if (levels > MOST_LEVELS) return undefined;
    await database.run('DROP TYPE IF EXISTS book_symbols');
    const { names, rows, code } = await rowGroups(database, whole, ['symbol'], 'book_symbols');
    if (rows === 0) return books;
    const sorted = `${selection(code, whole)} ORDER BY code, arrival, messages."sequence"`;
    for await (const typed of typedChunks(database, sorted, rows)) {
      const chunk = new MessageChunk(typed);
      for (let row = 0; row < chunk.rows; row++) {
        const [symbol = ''] = names[chunk.code(row)] ?? [];
        const known = books.get(symbol);
        if (known) known.push({ chunk, row });
        else books.set(symbol, [{ chunk, row }]);
      }
    }
    return books;
  }

  /** Yields the deltas and whole snapshots of a day in order of arrival, a whole one before the deltas of its time. */
  async *sorted({ deltas, symbols }: BookDay): AsyncGenerator<Messages> {
    const { database } = this.#inspection;
    for (const range of symbolRanges(symbols, this.#most)) {
      const records = range.from === range.to ? (symbols.get(range.from)?.records ?? 0) : 0;
      for (const condition of await this.#slices(deltas, inRange(range), records)) {
        const { names, rows } = await this.#sort(deltas, condition);
        if (rows === 0) continue;
        for await (const chunk of typedChunks(database, `FROM ${MESSAGES} ORDER BY rowid`, rows))
          yield { names, chunk: new MessageChunk(chunk) };
      }
    }
    await database.run(`DROP TABLE IF EXISTS ${MESSAGES}`);
  }

  /** Sorts the messages of one symbol in parts of a day. */
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

  /** Sorts messages into a table. Returns their symbols and number. */
  async #sort(deltas: InspectedPartition, condition: string): Promise<{ readonly names: string[]; readonly rows: number }> {
    const { database } = this.#inspection;
    const snapshots = await this.#snapshotsOf(deltas);
    const whole =
      snapshots === undefined
        ? ''
        : `UNION ALL SELECT ${SNAPSHOT_COLUMNS} FROM ${snapshots} WHERE "depth" IS NULL AND ${condition}`;
    const messages = `(SELECT ${DELTA_COLUMNS} FROM ${this.#inspection.relation(deltas)} WHERE ${condition} ${whole})`;
    await database.run('DROP TYPE IF EXISTS book_symbols');
    const { names, rows, code } = await rowGroups(database, messages, ['symbol'], 'book_symbols');
    await database.run(
      `CREATE OR REPLACE TEMP TABLE ${MESSAGES} AS ${selection(code, messages)}
       ORDER BY code, "local_timestamp", is_whole DESC, messages."sequence"`,
    );
    return { names: names.map(([name]) => name as string), rows };
  }

  /** Returns a relation of the book snapshots of the same day, undefined where there are none. */
  async #snapshotsOf({ partition, since }: InspectedPartition): Promise<string | undefined> {
    const { date } = partition;
    if (this.#snapshots?.date === date) return this.#snapshots.relation;
    const inspected = await this.#inspection.partition({ ...partition, type: 'book_snapshot' });
    const { readable } = await checkFiles(this.#inspection, inspected);
    const isEmpty = readable.length === 0 && inspected.open === undefined;
    const relation = isEmpty ? undefined : this.#inspection.relation({ ...inspected, files: readable, since });
    this.#snapshots = { date, relation };
    return relation;
  }

  async #code(names: readonly string[]): Promise<string> {
    await this.#inspection.database.run('DROP TYPE IF EXISTS book_symbols');
    return await groupCode(
      this.#inspection.database,
      names.map((name) => [name]),
      ['symbol'],
      'book_symbols',
    );
  }
}

/** Selects the columns of a `MessageChunk`, the levels of each message in one flat list. */
function selection(code: string, messages: string): string {
  return `SELECT ${code} AS code, epoch_us("timestamp")::DOUBLE AS time,
    coalesce(epoch_us("local_timestamp")::DOUBLE, 'infinity') AS arrival,
    is_whole::INTEGER + 2 * ("sequence" IS NOT NULL)::INTEGER + 4 * ("previous_sequence" IS NOT NULL)::INTEGER AS parts,
    coalesce("sequence", 0)::BIGINT AS sequence, coalesce("previous_sequence", 0)::BIGINT AS previous,
    coalesce(len("bids"), 0)::INTEGER AS bids, coalesce(len("asks"), 0)::INTEGER AS asks,
    flatten(list_concat("bids", "asks")) AS levels, coalesce(file, '') AS file FROM ${messages} AS messages`;
}

/** Some messages in typed columns. */
export class MessageChunk {
  readonly rows: number;
  readonly #chunk: TypedChunk;
  readonly #codes: Int32Array;
  readonly #times: Float64Array;
  readonly #arrivals: Float64Array;
  readonly #parts: Int32Array;
  readonly #sequences: BigUint64Array;
  readonly #previous: BigUint64Array;
  readonly #bids: Int32Array;
  readonly #asks: Int32Array;
  readonly #levels: NumberLists;

  constructor(chunk: TypedChunk) {
    this.rows = chunk.rows;
    this.#chunk = chunk;
    this.#codes = chunk.integers(0);
    this.#times = chunk.numbers(1);
    this.#arrivals = chunk.numbers(2);
    this.#parts = chunk.integers(3);
    this.#sequences = chunk.bits(4);
    this.#previous = chunk.bits(5);
    this.#bids = chunk.integers(6);
    this.#asks = chunk.integers(7);
    this.#levels = chunk.lists(8);
  }

  /** Index of the symbol. */
  code(row: number): number {
    return this.#codes[row] as number;
  }

  /** Microseconds. */
  time(row: number): number {
    return this.#times[row] as number;
  }

  /** Microseconds; infinite where it is not known. */
  arrival(row: number): number {
    return this.#arrivals[row] as number;
  }

  isWhole(row: number): boolean {
    return this.#has(row, 1);
  }

  sequence(row: number): string | undefined {
    return this.#has(row, 2) ? longText(this.#sequences, row) : undefined;
  }

  previous(row: number): string | undefined {
    return this.#has(row, 4) ? longText(this.#previous, row) : undefined;
  }

  file(row: number): string | undefined {
    return this.#chunk.text(9, row) || undefined;
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

function longText(values: BigUint64Array, row: number): string {
  return String(BigInt.asIntN(64, values[row] as bigint));
}
