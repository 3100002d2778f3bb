import type { DuckDBDataChunk, DuckDBVector } from '@duckdb/node-api';
import { type AnyRecord, columnsOf, type RecordType } from '../../model/records.js';
import { type Column, camelCase } from '../../model/schema.js';
import { type Database, sqlName } from './duckdb.js';

/** Rows fetched at a time: whole books of that number fit into memory. */
const ROWS = 8192;

/**
 * Yields the records of a temporary table of one type in batches, in the order of insertion. Each batch is a separate
 * result: a streamed result that fails in the middle would look like its end.
 */
export async function* tableRecords(database: Database, type: RecordType, table: string): AsyncGenerator<AnyRecord[]> {
  const rows = await database.number(`SELECT count(*) FROM ${sqlName(table)}`);
  const select = columnsOf(type).map(([name, column]) => `${plainExpression(name, column)} AS ${sqlName(name)}`);
  for (let from = 0; from < rows; from += ROWS) {
    const chunks = await database.chunks(
      `SELECT ${select.join(', ')} FROM ${sqlName(table)} WHERE rowid >= ${from} AND rowid < ${from + ROWS} ORDER BY rowid`,
    );
    yield chunks.flatMap((chunk) => recordsOf(type, chunk));
  }
}

/** Returns the SQL of a column as number, text or boolean, which are fastest to fetch; a double is exact for microseconds. */
function plainExpression(name: string, column: Column): string {
  switch (column.kind) {
    case 'time':
      return `epoch_us(${sqlName(name)})::DOUBLE`;
    case 'count':
      return `${sqlName(name)}::DOUBLE`;
    case 'long':
    case 'json':
      return `${sqlName(name)}::VARCHAR`;
    case 'levels':
      return `to_json(${sqlName(name)})::VARCHAR`;
    default:
      return sqlName(name);
  }
}

function recordsOf(type: RecordType, chunk: DuckDBDataChunk): AnyRecord[] {
  const fields = columnsOf(type).map(([name, column], index) => ({
    property: camelCase(name),
    read: readerOf(chunk.getColumnVector(index), column),
  }));
  // It has every column from the start: objects that grow are slow.
  const blank = Object.fromEntries([['type', type], ...fields.map(({ property }) => [property, undefined])]);
  const records: AnyRecord[] = [];
  for (let row = 0; row < chunk.rowCount; row++) {
    const record: Record<string, unknown> = { ...blank };
    for (const { property, read } of fields) {
      const value = read(row);
      if (value !== undefined) record[property] = value;
    }
    records.push(record as AnyRecord);
  }
  return records;
}

type Reader = (row: number) => unknown;

/** What the vectors of the package keep private: reading their values one by one is several times slower. */
type RawVector = {
  readonly items: Float64Array;
  readonly dataView: DataView;
  /** A bit for each row, without `data` all set. */
  readonly validity: { readonly data: BigUint64Array | null };
};

/** Returns whether a row of a column has a value. */
function presenceOf(vector: DuckDBVector): (row: number) => boolean {
  const { data } = (vector as unknown as RawVector).validity;
  if (!data) return () => true;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return (row) => (((bytes[row >> 3] as number) >> (row & 7)) & 1) === 1;
}

/** Returns what reads the values of a column as `plainExpression` selects them; undefined stands for NULL. */
function readerOf(vector: DuckDBVector, { kind }: Column): Reader {
  const { items } = vector as unknown as RawVector;
  const has = presenceOf(vector);
  if (kind === 'flag') return (row) => vector.getItem(row) ?? undefined;
  if (kind === 'time' || kind === 'count' || kind === 'number') return (row) => (has(row) ? items[row] : undefined);
  const text = textReader(vector);
  return kind === 'levels' || kind === 'json' ? parsed(text) : text;
}

/** Bytes of a text in its vector: its length, then the text itself, or its beginning and where it lies. */
const TEXT_SIZE = 16;

/** Decoding is the cost of a text. Names repeat from row to row: 16 equal bytes are the same text. */
function textReader(vector: DuckDBVector): (row: number) => string | undefined {
  const { dataView } = vector as unknown as RawVector;
  const has = presenceOf(vector);
  const words = new Int32Array(TEXT_SIZE / 4);
  let last: string | undefined;
  return (row) => {
    if (!has(row)) return undefined;
    let isSame = last !== undefined;
    for (let word = 0; word < words.length; word++) {
      const value = dataView.getInt32(row * TEXT_SIZE + word * 4, true);
      if (value !== words[word]) isSame = false;
      words[word] = value;
    }
    if (!isSame) last = vector.getItem(row) as string;
    return last;
  };
}

/** Reads JSON; texts that repeat from row to row share a value. */
function parsed(read: (row: number) => string | undefined): Reader {
  let last: string | undefined;
  let value: unknown;
  return (row) => {
    const text = read(row);
    if (text === undefined) return undefined;
    if (text !== last) value = JSON.parse(text);
    last = text;
    return value;
  };
}
