import { excerpt } from '../../model/ndjson.js';

/** A JSON object of unknown content. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Rows that were mapped, and one reason for each that was not. */
export type Mapped<Item> = { readonly items: Item[]; readonly rejected: string[] };

/** Maps every row alone, so that a bad one rejects no other. `map` returns the item, or the reason why it is rejected. */
export function mapRows<Row, Item extends object>(rows: readonly Row[], map: (row: Row) => Item | string): Mapped<Item> {
  const items: Item[] = [];
  const rejected: string[] = [];
  for (const row of rows) {
    const mapped = map(row);
    if (typeof mapped === 'string') rejected.push(mapped);
    else items.push(mapped);
  }
  return { items, rejected };
}

/** Returns the reason why a row was rejected. */
export function unexpected(where: string, field: string, expectation: string, value: unknown): string {
  return `${where}: expected ${field} to be ${expectation}, was ${value === undefined ? 'missing' : excerpt(value)}`;
}
