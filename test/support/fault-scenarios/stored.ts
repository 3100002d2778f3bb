import { queryStore } from '../../../src/lib/storage/reading/query.js';

export type StoredTrade = {
  readonly symbol: string;
  readonly id: string;
  readonly timestamp: number;
  readonly local_timestamp?: number | undefined;
  readonly price: number;
  readonly amount: number;
  readonly side: string;
};

export type StoredGap = {
  readonly symbol: string;
  readonly channel: string;
  readonly local_timestamp?: number | undefined;
  readonly from_timestamp: number;
  readonly until_timestamp: number;
  readonly reason: string;
  readonly repaired: number;
  readonly missing: boolean;
};

type Level = readonly [price: number, amount: number];

export type StoredBook = {
  readonly type: 'book_snapshot' | 'book_delta';
  readonly symbol: string;
  readonly timestamp: number;
  readonly local_timestamp: number;
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  readonly sequence?: string | undefined;
  readonly previous_sequence?: string | undefined;
  readonly depth?: number | undefined;
};

/** What a reader of the store finds; trades in the order of trades, the rest in the order of arrival. */
export type Stored = {
  readonly trades: readonly StoredTrade[];
  readonly gaps: readonly StoredGap[];
  readonly books: readonly StoredBook[];
};

const BOOK = 'type, symbol, timestamp, local_timestamp, bids, asks, sequence::varchar as sequence';

export async function readStore(directory: string): Promise<Stored> {
  const snapshots = `select ${BOOK}, null as previous_sequence, depth from book_snapshot`;
  const deltas = `select ${BOOK}, previous_sequence::varchar as previous_sequence, null as depth from book_delta`;
  return {
    trades: await rowsOf(directory, 'select * from trade order by symbol, timestamp, sequence, local_timestamp, id'),
    gaps: await rowsOf(directory, 'select * from gap order by local_timestamp'),
    books: await rowsOf(directory, `${snapshots} union all ${deltas} order by symbol, local_timestamp`),
  };
}

async function rowsOf<Row>(directory: string, sql: string): Promise<Row[]> {
  const result = await queryStore(directory, sql, { database: { threads: 1 } });
  const found: Row[] = [];
  for await (const rows of result.rows())
    for (const row of rows) found.push(Object.fromEntries(result.columns.map(({ name }, at) => [name, row[at]])) as Row);
  await result.close();
  return found;
}
