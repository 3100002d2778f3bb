import { setImmediate } from 'node:timers/promises';
import type { Database } from '../../storage/database/duckdb.js';
import { validCondition } from '../../storage/database/record-table.js';
import { type NumberPairs, type TypedChunk, typedChunks } from '../../storage/database/typed-chunks.js';
import { DEPTH } from '../top-of-book.js';
import { BOOK, type InputChunk, inputOf, KINDS, TRADE } from './input-kinds.js';

/** Time, arrival and symbol of a row take as many bytes, and each of its values `VALUE`. */
const ROW = 20;
const VALUE = 8;
/** Inputs beyond it are left to DuckDB, which spills. */
const MOST_BYTES = 160 << 20;
const BLOCK = 2048;
/** Blocks without a pause: nobody could stop a run that never waits. */
const BLOCKS_AT_ONCE = 16;

export type HeldOptions = {
  /** Bytes that inputs may take in memory. */
  readonly heldBytes?: number | undefined;
  /** Whether the trades of each symbol lie in the order of `compareTrades`. */
  readonly tradesInOrder?: boolean | undefined;
};

type Given = { readonly kind: number; readonly relation: string };
/** Relations by kind, and an INTEGER expression: the index of a row's symbol. */
type Source = { readonly given: readonly Given[]; readonly symbols: number; readonly code: string };

/**
 * Reads inputs into memory, each kind by itself, and returns them merged in the order of the table that DuckDB sorts: most
 * files are in order, and the sort of all kinds in one table takes longer than reading them. Returns undefined where they are
 * too many, or where anything is in doubt: broken rows, repeated ones, trades that only their ids put in order.
 */
export async function heldInputs(database: Database, source: Source, options: HeldOptions): Promise<HeldInputs | undefined> {
  const { heldBytes = MOST_BYTES, tradesInOrder = false } = options;
  const isOrdered = tradesInOrder && source.symbols === 1;
  try {
    const kinds: HeldKind[] = [];
    // Inputs that are read and then do not fit would be read twice.
    let free = heldBytes;
    for (const given of source.given) {
      const { kind, relation } = given;
      const rows = await database.number(`SELECT count(*) FROM ${relation} ${condition(kind)}`);
      const hasSequences = kind === TRADE && !isOrdered;
      free -= HeldKind.bytes(kind, rows, hasSequences);
      if (free < 0) return undefined;
      kinds.push(new HeldKind(given, rows, hasSequences));
    }
    // Trades are most often in doubt: they come first.
    for (const held of kinds.toReversed()) if (!(await held.read(database, source.code))) return undefined;
    return new HeldInputs(kinds);
  } catch {
    // Such as levels that are no pairs: the table has its own words for what is wrong, or none.
    return undefined;
  }
}

function condition(kind: number): string {
  return KINDS[kind]?.type === 'funding' ? 'WHERE "settled" IS NOT TRUE' : '';
}

/** The inputs of one kind. */
class HeldKind {
  readonly kind: number;
  readonly rows: number;
  readonly times: Float64Array;
  readonly locals: Float64Array;
  readonly symbols: Int32Array;
  readonly values: readonly Float64Array[];
  /** The rows in order, undefined where they lie in it. */
  order: Uint32Array | undefined;
  /** Sequences as the doubles of their bits, which have the order of the integers; for trades whose order is not known. */
  readonly #sequences: Float64Array | undefined;
  readonly #relation: string;
  #isInOrder = true;
  /** Whether each row arrived after the one before: then none is there twice. */
  #isRising = true;
  #read = 0;

  constructor({ kind, relation }: Given, rows: number, hasSequences: boolean) {
    this.kind = kind;
    this.#relation = relation;
    this.rows = rows;
    this.times = new Float64Array(rows);
    this.locals = new Float64Array(rows);
    this.symbols = new Int32Array(rows);
    this.values = (KINDS[kind]?.values ?? []).map(() => new Float64Array(rows));
    this.#sequences = hasSequences ? new Float64Array(rows) : undefined;
  }

  static bytes(kind: number, rows: number, hasSequences: boolean): number {
    return rows * (ROW + VALUE * ((KINDS[kind]?.values.length ?? 0) + (hasSequences ? 1 : 0)));
  }

  /** Reads the rows; returns whether none is in doubt. */
  async read(database: Database, code: string): Promise<boolean> {
    const { kind, rows } = this;
    const { type, values } = KINDS[kind] as (typeof KINDS)[number];
    // A broken row has the time 0, which no record has.
    const time =
      kind === TRADE ? 'epoch_us("timestamp")' : `CASE WHEN ${validCondition(type)} THEN epoch_us("timestamp") ELSE 0 END`;
    const numbers = values.map((value) => `coalesce((${value})::DOUBLE, 'nan'::DOUBLE)`);
    const columns = [
      `(${time})::DOUBLE`,
      'coalesce(epoch_us("local_timestamp"), 0)::DOUBLE',
      code,
      ...(kind === BOOK ? ['"bids"::DOUBLE[2][]', '"asks"::DOUBLE[2][]'] : numbers),
      ...(this.#sequences ? ['coalesce("sequence", -1) + 1'] : []),
    ];
    const sql = `SELECT ${columns.join(', ')} FROM ${this.#relation} ${condition(kind)}`;
    for await (const chunk of typedChunks(database, sql, rows)) if (!this.#add(chunk)) return false;
    if (!this.#isInOrder && !this.#sort()) return false;
    return kind === TRADE || this.#isRising || this.#isEachOnce();
  }

  #add(chunk: TypedChunk): boolean {
    const from = this.#read;
    this.#read += chunk.rows;
    this.times.set(chunk.numbers(0), from);
    this.locals.set(chunk.numbers(1), from);
    this.symbols.set(chunk.integers(2), from);
    if (this.kind === BOOK) {
      const [bids, asks] = [chunk.pairs(3), chunk.pairs(4)];
      if (!bids || !asks) return false;
      for (const [index, side] of [bids, asks].entries()) this.#addSide(index, side, from, chunk.rows);
    } else for (const [index, column] of this.values.entries()) column.set(chunk.numbers(index + 3), from);
    const bits = this.#sequences && chunk.bits(this.values.length + 3);
    if (bits) this.#sequences?.set(new Float64Array(bits.buffer, bits.byteOffset, bits.length), from);
    return this.#follow(from);
  }

  /** Adds the best level of a side, and the sum of the amounts of the first levels, from the best on. */
  #addSide(index: number, { numbers, start, length }: NumberPairs, from: number, rows: number): void {
    const [prices, amounts, sums] = [2 * index, 2 * index + 1, 4 + index].map((column) => this.values[column]) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (let row = 0; row < rows; row++) {
      const first = 2 * start(row);
      const end = first + 2 * Math.min(DEPTH, length(row));
      let sum = 0;
      for (let at = first + 1; at < end; at += 2) sum += numbers[at] as number;
      prices[from + row] = first < end ? (numbers[first] as number) : Number.NaN;
      amounts[from + row] = first < end ? (numbers[first + 1] as number) : Number.NaN;
      sums[from + row] = sum;
    }
  }

  /** Looks whether the rows from `from` on follow the one before; returns false for a row that is no record. */
  #follow(from: number): boolean {
    const { times, locals } = this;
    const sequences = this.#sequences;
    let time = from === 0 ? 0 : (times[from - 1] as number);
    let local = from === 0 ? 0 : (locals[from - 1] as number);
    for (let row = from; row < this.#read; row++) {
      const next = times[row] as number;
      const arrived = locals[row] as number;
      // A sequence beyond what doubles put in order is NaN, one below -1 is negative.
      if (next === 0 || (sequences && !((sequences[row] as number) >= 0))) return false;
      if (arrived <= local) this.#isRising = false;
      if (next < time || (next === time && !this.#followsTie(row, arrived, local))) this.#isInOrder = false;
      time = next;
      local = arrived;
    }
    return true;
  }

  #followsTie(row: number, arrived: number, local: number): boolean {
    if (this.kind !== TRADE) return arrived >= local;
    const sequences = this.#sequences;
    if (!sequences) return true;
    const [next, last] = [sequences[row] as number, sequences[row - 1] as number];
    // Trades alike in all of it are ordered by their step in a sweep and their ids.
    return next > last || (next === last && arrived > local);
  }

  /** Puts the rows in order; returns false where time, sequence and arrival do not say which of two trades comes first. */
  #sort(): boolean {
    const { times, locals } = this;
    const sequences = this.#sequences;
    if (this.kind === TRADE && !sequences) return false;
    const compare = (a: number, b: number) =>
      (times[a] as number) - (times[b] as number) ||
      (sequences ? compareBits(sequences[a] as number, sequences[b] as number) : 0) ||
      (locals[a] as number) - (locals[b] as number);
    const order = Uint32Array.from({ length: this.rows }, (_, row) => row).sort((a, b) => compare(a, b) || a - b);
    this.order = order;
    if (this.kind !== TRADE) return true;
    for (let at = 1; at < order.length; at++) if (compare(order[at - 1] as number, order[at] as number) === 0) return false;
    return true;
  }

  /** Returns whether no two rows have one symbol and arrival; without an arrival, one symbol and time. */
  #isEachOnce(): boolean {
    const { times, locals, symbols } = this;
    const keys = locals.map((local, row) => local || -(times[row] as number));
    const sorted = keys.toSorted();
    const repeated = new Set<number>();
    for (let at = 1; at < sorted.length; at++) if (sorted[at] === sorted[at - 1]) repeated.add(sorted[at] as number);
    if (repeated.size === 0) return true;
    const seen = new Set<string>();
    for (let row = 0; row < keys.length; row++) {
      const key = keys[row] as number;
      if (repeated.has(key) && seen.size === seen.add(`${symbols[row]} ${key}`).size) return false;
    }
    return true;
  }
}

/** A difference of bits as doubles takes a hundred times as long: most of them are subnormal. */
function compareBits(a: number, b: number): number {
  return a < b ? -1 : Number(a > b);
}

/** Inputs in memory. */
class HeldInputs {
  #kinds: readonly HeldKind[];

  /** `kinds` in the order of `KINDS`. */
  constructor(kinds: readonly HeldKind[]) {
    this.#kinds = kinds;
  }

  async *chunks(): AsyncGenerator<InputChunk> {
    const merge = new Merge(this.#kinds);
    for (let block = 1; ; block++) {
      const chunk = merge.next();
      if (chunk.rows === 0) return;
      yield chunk;
      if (block % BLOCKS_AT_ONCE === 0) await setImmediate();
    }
  }

  async drop(): Promise<void> {
    this.#kinds = [];
  }
}

/** Merges kinds by time; of one time the earlier kind comes first. */
class Merge {
  readonly #kinds: readonly HeldKind[];
  /** How many rows of each kind are taken, and the time of its next one. */
  readonly #taken: number[];
  readonly #heads: Float64Array;

  constructor(kinds: readonly HeldKind[]) {
    this.#kinds = kinds;
    this.#taken = kinds.map(() => 0);
    this.#heads = Float64Array.from(kinds, (_, index) => this.#headOf(index));
  }

  next(): InputChunk {
    const [kinds, heads, taken] = [this.#kinds, this.#heads, this.#taken];
    const times = new Float64Array(BLOCK);
    const [sources, places] = [new Uint8Array(BLOCK), new Uint32Array(BLOCK)];
    let rows = 0;
    for (; rows < BLOCK; rows++) {
      let first = 0;
      for (let index = 1; index < heads.length; index++) if ((heads[index] as number) < (heads[first] as number)) first = index;
      const time = heads[first] as number;
      if (time === Number.POSITIVE_INFINITY) break;
      const place = taken[first] as number;
      times[rows] = time;
      sources[rows] = first;
      places[rows] = (kinds[first] as HeldKind).order?.[place] ?? place;
      taken[first] = place + 1;
      heads[first] = this.#headOf(first);
    }
    const kindOf = (row: number) => kinds[sources[row] as number] as HeldKind;
    return {
      rows,
      times,
      symbol: (row) => kindOf(row).symbols[places[row] as number] as number,
      input(row) {
        const { kind, locals, values } = kindOf(row);
        const place = places[row] as number;
        return inputOf(kind, times[row] as number, locals[place] as number, values, place);
      },
    };
  }

  #headOf(index: number): number {
    const { times, order } = this.#kinds[index] as HeldKind;
    const place = this.#taken[index] as number;
    return times[order ? (order[place] ?? times.length) : place] ?? Number.POSITIVE_INFINITY;
  }
}
