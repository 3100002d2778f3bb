import { excerpt } from '../../../model/ndjson.js';
import type { FillCause, Market, OrderStatus, PositionSide, Side } from '../../../model/records.js';
import { fromMilliseconds } from '../../../model/time.js';
import { decimal, isFields, isZero, listOrNull, negated, parseObject } from '../../private-rows.js';
import type { Fee } from '../../private-side.js';
import type { Fields } from '../fields.js';
import { COIN_FUTURES, type Product, productOf, SPOT, USDC_FUTURES, USDT_FUTURES } from '../products.js';

export const FUTURES: readonly Product[] = [USDT_FUTURES, USDC_FUTURES, COIN_FUTURES];
export const ALL_PRODUCTS: readonly Product[] = [...FUTURES, SPOT];

/** Returns the product line of a contract, by what it settles in. */
export function productFor(market: Market, settle: string): Product {
  if (market === 'spot') return SPOT;
  if (market === 'inverse') return COIN_FUTURES;
  return settle.toUpperCase() === 'USDC' ? USDC_FUTURES : USDT_FUTURES;
}

/** Returns the market of a category; spot margin trades the spot market. */
export function marketOf(category: unknown): Market | undefined {
  return typeof category === 'string' && category.toUpperCase() === 'MARGIN' ? 'spot' : productOf(category)?.market;
}

/** Returns the product line that a request asks for, where its query names one. */
export function productOfQuery(query: Readonly<Record<string, string>>): Product | undefined {
  return productOf(query.productType ?? query.category);
}

const STATUSES: Readonly<Record<string, OrderStatus>> = {
  live: 'new',
  new: 'new',
  init: 'new',
  not_trigger: 'new',
  partially_filled: 'partial',
  partially_fill: 'partial',
  filled: 'filled',
  full_fill: 'filled',
  canceled: 'cancelled',
  cancelled: 'cancelled',
};

export function statusOf(value: unknown): OrderStatus | undefined {
  return typeof value === 'string' ? STATUSES[value.toLowerCase()] : undefined;
}

export function sideOf(value: unknown): Side | undefined {
  return value === 'buy' || value === 'sell' ? value : undefined;
}

/** Answers spell `post_only` and `post only`. */
export function timeInForceOf(value: unknown): 'gtc' | 'ioc' | 'fok' | 'post_only' | undefined {
  const text = typeof value === 'string' ? value.toLowerCase().replace(/[ -]/, '_') : '';
  return text === 'gtc' || text === 'ioc' || text === 'fok' || text === 'post_only' ? text : undefined;
}

export function kindOf(value: unknown): 'market' | 'limit' | undefined {
  return value === 'market' || value === 'limit' ? value : undefined;
}

/** Answers and pushes spell it YES, yes and true. */
export function flagOf(value: unknown): boolean | undefined {
  const text = String(value ?? '').toLowerCase();
  if (text === 'yes' || text === 'true') return true;
  return text === 'no' || text === 'false' ? false : undefined;
}

export function marginModeOf(value: unknown): 'isolated' | 'cross' | undefined {
  if (value === 'isolated' || value === 'fixed') return 'isolated';
  return value === 'crossed' || value === 'cross' ? 'cross' : undefined;
}

/** Returns the separate position that an order belongs to; `net` is none. */
export function positionSideOf(value: unknown): PositionSide | undefined {
  return value === 'long' || value === 'short' ? value : undefined;
}

export function positionModeOf(value: unknown): 'one_way' | 'hedge' | undefined {
  if (value === 'one_way_mode') return 'one_way';
  return value === 'hedge_mode' ? 'hedge' : undefined;
}

/**
 * Returns who acted. Trade sides beside `open`, `close` and those of one-way mode are actions of the exchange: `burst_…` and
 * `reduce_…` liquidate, `dte_sys_adl_…` is auto-deleveraging, `delivery_…` settles.
 */
export function causeOf({ tradeSide, orderSource, enterPointSource, execType }: Fields): FillCause {
  const side = String(tradeSide ?? '').toLowerCase();
  const type = String(execType ?? '').toLowerCase();
  if (side.includes('adl')) return 'adl';
  if (side.startsWith('delivery') || type === 'delivery') return 'settlement';
  if (/^(?:reduce|burst|offset)/.test(side) || ['liquidation', 'reduce', 'offset'].includes(type)) return 'liquidation';
  if (String(orderSource ?? '').toLowerCase() === 'liquidation') return 'liquidation';
  const entry = String(enterPointSource ?? '').toUpperCase();
  if (entry === 'SYS') return 'liquidation';
  return ['WEB', 'APP', 'IOS', 'ANDROID'].includes(entry) ? 'manual' : 'order';
}

/**
 * Returns the fees of a fill by asset; undefined where the answer does not say them for sure. v2 writes paid fees as negative
 * numbers, v3 as positive ones. A fee that was deducted in another coin is named nowhere with certainty.
 */
export function feesOf(detail: unknown, paidIs: 'negative' | 'positive'): Fee[] {
  let rows = detail;
  if (typeof detail === 'string' && detail.startsWith('[')) {
    try {
      rows = JSON.parse(detail);
    } catch {}
  }
  if (!Array.isArray(rows)) return [];
  return rows.filter(isFields).flatMap((row) => {
    const amount = decimal(row.totalFee ?? row.fee);
    const asset = typeof row.feeCoin === 'string' ? row.feeCoin.toUpperCase() : '';
    const deducted = decimal(row.totalDeductionFee);
    const isDeducted = flagOf(row.deduction) === true && deducted !== undefined && !isZero(deducted);
    if (amount === undefined || asset === '' || isDeducted) return [];
    return [{ asset, amount: paidIs === 'negative' ? negated(amount) : amount }];
  });
}

/** Returns `data` of an answer and its time in microseconds. Throws a `FailureError` where there is none. */
function dataOf(body: string, what: string): { data: unknown; time: number | undefined } {
  const { data, requestTime } = parseObject(body, what);
  return { data, time: fromMilliseconds(requestTime) };
}

/** Returns `data` as an object. Throws a `FailureError` on anything else. */
export function objectOf(body: string, what: string): { data: Fields; time: number | undefined } {
  const { data, time } = dataOf(body, what);
  if (isFields(data)) return { data, time };
  return { data: parseObject(JSON.stringify(data ?? null), what), time };
}

/** Returns the rows of `data`, which is a list, or an object that holds one under `name`; `null` is an empty list. */
export function rowsOf(body: string, name: string, what: string) {
  const { data, time } = dataOf(body, what);
  const holder = isFields(data) ? data : undefined;
  const rows = listOrNull(holder ? (holder[name] ?? null) : data, `${what}: data`);
  const cursor = holder?.endId ?? holder?.cursor;
  return { rows, time, cursor: typeof cursor === 'string' && cursor !== '' ? cursor : undefined };
}

/** Returns the reason why a row was rejected. */
export function expected(where: string, field: string, value: unknown): string {
  return `${where}: expected ${field}, was ${value === undefined ? 'missing' : excerpt(value)}`;
}

/** Returns an upper-case symbol; samples of answers have lower-case ones. */
export function symbolOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.toUpperCase() : undefined;
}
