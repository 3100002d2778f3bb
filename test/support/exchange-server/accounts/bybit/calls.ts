import type { Market } from '../../market/listing.js';
import type { SymbolMarket } from '../../market/symbol-market.js';
import { type ApiCall, ApiRefusal } from '../dialect.js';
import type { AccountFaults } from '../engine/faults.js';
import type { Refusal, RefusalKind } from '../engine/model.js';

/** A result with what goes into `retExtInfo`. */
export class Extended {
  readonly result: unknown;
  readonly extra: unknown;

  constructor(result: unknown, extra: unknown) {
    this.result = result;
    this.extra = extra;
  }
}

export type Fields = Readonly<Record<string, unknown>>;

export function bad(message: string): ApiRefusal {
  return new ApiRefusal('10001', message);
}

export function fieldsOf(body: unknown): Fields {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw bad('params error: the body is not an object');
  return body as Fields;
}

export function textField(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw bad(`params error: ${name} is not a text`);
  return value;
}

export function categoryOf(value: unknown): Market {
  if (value === 'linear' || value === 'inverse' || value === 'spot') return value;
  throw bad('params error: Category is invalid');
}

/** Orders are played on linear perpetuals only. */
export function linearSymbol({ engine }: ApiCall, fields: Fields): SymbolMarket {
  if (categoryOf(fields.category) !== 'linear') throw bad('params error: this server trades linear contracts only');
  const found = engine.market.find('linear', textField(fields, 'symbol') ?? '');
  if (!found) throw bad('params error: symbol invalid');
  return found;
}

const CODES: Readonly<Record<RefusalKind, readonly [code: string, message: string]>> = {
  symbol: ['10001', 'params error: symbol invalid'],
  'symbol-closed': ['110074', 'This contract is not live'],
  'duplicate-client-id': ['110072', 'OrderLinkedID is duplicate'],
  'client-id': ['110019', 'Order ID is illegal'],
  balance: ['110007', 'ab not enough for new order'],
  'amount-step': ['10001', 'Qty invalid'],
  'amount-small': ['10001', 'The number of contracts exceeds minimum limit allowed'],
  'amount-large': ['10001', 'The number of contracts exceeds maximum limit allowed: too large'],
  notional: ['110094', 'Order does not meet minimum order value 5USDT'],
  'price-step': ['10001', 'Price invalid'],
  'price-band': ['110003', 'Order price exceeds the allowable range.'],
  'price-missing': ['10001', 'Price invalid'],
  'nothing-to-close': ['110017', 'current position is zero, cannot fix reduce-only order qty'],
  'would-add': ['110017', 'Reduce-only rule not satisfied'],
  'not-closable': ['110017', 'orderQty will be truncated to zero.'],
  'hold-mode': ['10001', 'position idx not match position mode'],
  'margin-mode': ['110026', 'Cross/isolated margin mode is not modified'],
  'too-many-orders': ['110020', 'You are not allowed to have more than 500 active orders.'],
  'not-found': ['110001', 'order not exists or too late to cancel'],
  finished: ['110001', 'order not exists or too late to cancel'],
  'has-position': ['110024', 'You have an existing position, so the position mode cannot be switched'],
  'has-orders': ['110028', 'You have existing open orders, so the position mode cannot be switched'],
  'leverage-locked': ['110044', 'Available margin is insufficient'],
  'leverage-high': ['110013', 'Cannot set leverage due to risk limit level'],
  unchanged: ['110043', 'Set leverage has not been modified'],
  parameter: ['10001', 'params error'],
};

export function translate({ kind, message }: Refusal, _request: unknown, _faults: AccountFaults): ApiRefusal {
  const [code, text] = CODES[kind];
  return new ApiRefusal(code, kind === 'parameter' ? `${text}: ${message}` : text);
}

/** Returns a page: rows from the cursor on, and the cursor of the next page, already encoded once as the exchange does. */
export function pageOf<Row>(
  { query }: ApiCall,
  rows: readonly Row[],
  fallback: number,
  most: number,
): { list: Row[]; nextPageCursor: string } {
  const limit = Number(query.get('limit') ?? fallback);
  if (!(Number.isInteger(limit) && limit >= 1)) throw bad('params error: limit is invalid');
  const from = positionOf(query.get('cursor') ?? '');
  const list = rows.slice(from, from + Math.min(limit, most));
  const next = from + list.length;
  const cursor = list.length === 0 || next >= rows.length ? '' : encodeURIComponent(`${next}:${rows.length - next},page`);
  return { list, nextPageCursor: cursor };
}

/** A cursor may come back as it was or encoded once more: both are understood. */
function positionOf(cursor: string): number {
  if (cursor === '') return 0;
  const plain = cursor.includes('%') ? decodeURIComponent(cursor) : cursor;
  const match = /^(\d+):\d+,page$/.exec(plain);
  if (!match) throw bad('params error: cursor is invalid');
  return Number(match[1]);
}

const DAY = 86_400_000;

/** Returns the span of `startTime` and `endTime`, at most `days` long; the last `days` where neither is given. */
export function spanOf({ query, now }: ApiCall, days: number): { from: number; until: number } {
  const read = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    if (!/^\d+$/.test(text)) throw bad(`params error: ${name} is invalid`);
    return Number(text);
  };
  const [start, end] = [read('startTime'), read('endTime')];
  const until = end ?? (start === undefined ? now : start + days * DAY);
  const from = start ?? until - days * DAY;
  if (until < from || until - from > days * DAY)
    throw bad(`The time range between startTime and endTime cannot exceed ${days} days.`);
  return { from, until };
}
