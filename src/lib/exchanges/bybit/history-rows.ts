import { FailureError } from '../../model/errors.js';
import type { Fields } from './fields.js';

/** Returns the rows of a result. Throws a `FailureError` without a list. */
export function parseList({ list }: Fields, what: string): readonly unknown[] {
  if (!Array.isArray(list)) throw new FailureError(`bybit ${what}: expected a list, was none: try again later`);
  return list;
}

/** Rows that were mapped, and one reason for each that was not. */
type Mapped<Item> = { readonly items: Item[]; readonly rejected: string[] };

/** Maps the `list` of a result, each row by itself. Throws a `FailureError` without one. */
export function parseRows<Item extends object>(result: Fields, what: string, map: (row: unknown) => Item | string): Mapped<Item> {
  const items: Item[] = [];
  const rejected: string[] = [];
  for (const row of parseList(result, what)) {
    const mapped = map(row);
    if (typeof mapped === 'string') rejected.push(mapped);
    else items.push(mapped);
  }
  return { items, rejected };
}
