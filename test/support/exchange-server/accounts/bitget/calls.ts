import type { SymbolMarket } from '../../market/symbol-market.js';
import { type ApiCall, ApiRefusal } from '../dialect.js';
import { type Decimal, decimalOf } from '../engine/decimals.js';
import type { AccountFaults } from '../engine/faults.js';
import { type Order, Refusal, type RefusalKind } from '../engine/model.js';

export type Fields = Readonly<Record<string, unknown>>;

export const PRODUCT = 'USDT-FUTURES';
const PRODUCTS = ['USDT-FUTURES', 'USDC-FUTURES', 'COIN-FUTURES'];

export function bad(message: string): ApiRefusal {
  return new ApiRefusal('400172', `Parameter verification failed: ${message}`);
}

export function fieldsOf(body: unknown): Fields {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw bad('the body is not an object');
  return body as Fields;
}

export function listField(value: unknown, most: number): Fields[] {
  if (!Array.isArray(value) || value.length === 0) throw bad('the list is empty');
  if (value.length > most) throw new ApiRefusal('40306', `Batch processing orders can only process up to ${most}`);
  return value.map(fieldsOf);
}

export function textField(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw bad(`${name} is not a text`);
  return value;
}

export function decimalField(fields: Fields, name: string): Decimal | undefined {
  const value = textField(fields, name);
  if (value === undefined) return undefined;
  const read = decimalOf(value);
  if (!read) throw bad(name);
  return read;
}

export function choice<Name extends string>(fields: Fields, name: string, allowed: readonly Name[]): Name | undefined {
  const value = textField(fields, name);
  if (value === undefined) return undefined;
  if (!allowed.includes(value as Name)) throw bad(name);
  return value as Name;
}

/** Returns `productType` or `category`; required. */
export function productOf(fields: Fields, name: 'productType' | 'category', others: readonly string[] = []): string {
  const value = textField(fields, name)?.toUpperCase();
  if (value === undefined || ![...PRODUCTS, ...others].includes(value)) throw bad(`${name} error`);
  return value;
}

/** Orders are played on USDT perpetuals only. */
export function symbolOf({ engine }: ApiCall, fields: Fields, product: 'productType' | 'category'): SymbolMarket {
  if (productOf(fields, product) !== PRODUCT) throw bad('this server trades USDT-FUTURES only');
  const name = textField(fields, 'symbol');
  if (name === undefined) throw bad('symbol cannot be empty');
  const found = engine.market.find('linear', name.toUpperCase());
  if (!found) throw new Refusal('symbol', 'no such symbol');
  return found;
}

export function queryFields({ query }: ApiCall): Fields {
  return Object.fromEntries(query);
}

/** Returns the order that a request names; `orderId` counts before `clientOid`, of which the newest counts. */
export function namedOrder({ engine, account }: ApiCall, fields: Fields, time: number): Order {
  const [id, clientId] = [textField(fields, 'orderId'), textField(fields, 'clientOid')];
  if (id === undefined && clientId === undefined) throw bad('orderId and clientOid cannot both be empty');
  const known = engine.orders.ofAt(account, time);
  const found = known.find((order) => (id === undefined ? order.clientId === clientId : order.id === id));
  if (!found) throw new Refusal('not-found', 'no such order');
  return found;
}

type Codes = Readonly<Record<RefusalKind, readonly [classic: string, unified: string, message: string]>>;

const CODES: Codes = {
  symbol: ['40309', '25100', 'The symbol does not exist'],
  'symbol-closed': ['40309', '25101', 'The contract has been removed'],
  'duplicate-client-id': ['45034', '25212', 'Duplicate clientOid'],
  'client-id': ['40305', '400172', 'client_oid length is not greater than 64, and cannot be Martian characters'],
  balance: ['40762', '25202', 'The order amount exceeds the balance'],
  'amount-step': ['22038', '25208', 'The amount is not a multiple of the step'],
  'amount-small': ['45111', '25207', 'less than the minimum order quantity'],
  'amount-large': ['45112', '25241', 'more than the maximum order quantity'],
  notional: ['45110', '25611', 'less than the minimum amount 5 USDT'],
  'price-step': ['45115', '25206', 'The price you enter should be a multiple of the tick'],
  'price-band': ['40815', '25205', 'The order price is out of the price limit'],
  'price-missing': ['400172', '400172', 'price cannot be empty'],
  'nothing-to-close': ['22002', '25227', 'No position to close'],
  'would-add': ['40939', '25232', 'The reduce-only order would increase the position'],
  'not-closable': ['40746', '25226', 'The amount exceeds what is currently closable'],
  'hold-mode': ['40774', '25236', 'The order type for unilateral position must also be the unilateral position type'],
  'margin-mode': ['40808', '25570', 'Parameter verification exception margin mode == FIXED'],
  'too-many-orders': ['43005', '25211', 'Exceeded the maximum number of orders'],
  'not-found': ['40768', '25204', 'Order does not exist'],
  finished: ['45031', '25568', 'The order has been finalized'],
  'has-position': ['40920', '25107', 'Position or order exists, the mode cannot be adjusted'],
  'has-orders': ['40920', '25107', 'Position or order exists, the mode cannot be adjusted'],
  'leverage-locked': ['45097', '25107', 'There are orders, the leverage cannot be adjusted'],
  'leverage-high': ['40797', '25105', 'Exceeded the maximum settable leverage'],
  unchanged: ['40814', '25571', 'No change in leverage'],
  parameter: ['400172', '400172', 'Parameter verification failed'],
};

export function translate({ kind, message }: Refusal, { path }: { readonly path: string }, faults: AccountFaults): ApiRefusal {
  const [classic, unified, text] = CODES[kind];
  if (path.startsWith('/api/v3/')) return new ApiRefusal(unified, text);
  if (kind === 'duplicate-client-id') return new ApiRefusal(faults.questions.duplicateCode, text);
  if (kind === 'not-found' && path.endsWith('/detail'))
    return new ApiRefusal('40109', 'The data of the order cannot be found, please confirm the order number');
  return new ApiRefusal(classic, kind === 'parameter' ? `${text}: ${message}` : text);
}

export type Acknowledged = { readonly orderId: string | null; readonly clientOid: string };
export type Leg = { readonly orderId: string; readonly clientOid: string; readonly code: string; readonly msg: string };

/** Returns the outcome of one order of a batch. */
export function legOf(call: ApiCall, fields: Fields, one: (call: ApiCall, fields: Fields) => Acknowledged): Leg {
  try {
    const { orderId, clientOid } = one(call, fields);
    return { orderId: orderId ?? '', clientOid, code: '00000', msg: 'success' };
  } catch (error) {
    const refusal = error instanceof Refusal ? translate(error, call, call.desk.faults) : error;
    if (!(refusal instanceof ApiRefusal)) throw refusal;
    const [orderId, clientOid] = [textField(fields, 'orderId') ?? '', textField(fields, 'clientOid') ?? ''];
    return { orderId, clientOid, code: refusal.code, msg: refusal.message };
  }
}

const DAY = 86_400_000;

/** Returns the span of `startTime` and `endTime`, at most `days` long and not further back than `history` days. */
export function spanOf(fields: Fields, now: number, days: number, history: number): { from: number; until: number } {
  const read = (name: string): number | undefined => {
    const text = textField(fields, name);
    if (text !== undefined && !/^\d{13}$/.test(text)) throw bad(name);
    return text === undefined ? undefined : Number(text);
  };
  const [start, end] = [read('startTime'), read('endTime')];
  const until = end ?? now;
  const from = start ?? until - days * DAY;
  if (until < from || until - from > days * DAY) throw bad(`startTime and endTime should be within ${days} days`);
  return { from: Math.max(from, now - history * DAY), until };
}

/** Returns the rows older than the one called `after`, newest first, `limit` of them (100 at most), and the id of the last. */
export function pageOf<Row>(
  fields: Fields,
  rows: readonly Row[],
  idOf: (row: Row) => string,
  after: string | undefined,
): { list: Row[]; last: string } {
  const limit = Number(textField(fields, 'limit') ?? 100);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= 100)) throw bad('limit');
  if (after !== undefined && !/^\d+$/.test(after)) throw bad('cursor');
  const list = (after === undefined ? rows : rows.filter((row) => BigInt(idOf(row)) < BigInt(after))).slice(0, limit);
  const last = list.at(-1);
  return { list, last: last === undefined ? '' : idOf(last) };
}

export function listOrNull<Row>({ engine }: ApiCall, rows: readonly Row[]): readonly Row[] | null {
  return rows.length === 0 && engine.faults.questions.nullLists ? null : rows;
}

const ACTIONS: Readonly<Partial<Record<Order['cause'], string>>> = {
  liquidation: 'burst',
  adl: 'dte_sys_adl',
  settlement: 'delivery',
};

/** Returns `tradeSide` of answers: `open`, `close`, `buy_single`, `sell_single`, or what the exchange itself did. */
export function tradeSideOf({ cause, slot, side, reduceOnly }: Order): string {
  const action = ACTIONS[cause];
  if (slot !== 'net') return action ? `${action}_close_${slot}` : reduceOnly ? 'close' : 'open';
  if (!action) return `${side}_single`;
  return cause === 'adl' ? `${action}_${side}_in_single_side_mode` : `${action}_${side}_single`;
}
