import { fromMilliseconds } from '../../../model/time.js';
import { listOrNull, pageOf, parseObject, sortedQuery } from '../../private-rows.js';
import type { PrivateRead } from '../../private-side.js';
import type { HttpRequest } from '../../requests.js';
import { type Fields, isFields } from '../fields.js';

/** Returns the result of an answer and its time, microseconds. */
export function resultOf(body: string, what: string): { result: Fields; time: number | undefined } {
  const { result, time } = parseObject(body, what);
  return { result: isFields(result) ? result : parseObject(JSON.stringify(result ?? null), what), time: fromMilliseconds(time) };
}

/**
 * Returns the cursor so that encoding it for the query gives the text that the answer has: it arrives encoded once, and the
 * bytes that are signed are those that travel.
 */
function cursorOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

export function listRead<Item extends object>(
  requests: readonly HttpRequest[],
  map: (row: Fields, category: unknown) => Item | string | undefined,
): PrivateRead<Item> {
  return {
    requests,
    parse: (request, body) => {
      const what = `bybit ${request.path}`;
      const { result, time } = resultOf(body, what);
      const rows = listOrNull(result.list ?? null, what);
      const category = result.category ?? request.query.category;
      const cursor = cursorOf(result.nextPageCursor);
      const next = rows.length > 0 && cursor !== undefined && cursor !== request.query.cursor;
      const page = pageOf(rows, (row) => map(row, row.category || category), time);
      return { ...page, next: next ? { ...request, query: sortedQuery({ ...request.query, cursor }) } : undefined };
    },
  };
}
