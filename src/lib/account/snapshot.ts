import type {
  AccountFamily,
  AccountTotals,
  OrderName,
  PrivateBalance,
  PrivateFill,
  PrivateOrder,
  PrivatePosition,
} from '../exchanges/private-side.js';
import type { Market, Side } from '../model/records.js';
import { type AccountClient, AccountError } from './client.js';

export const ACCOUNT_PARTS = ['balances', 'positions', 'orders', 'fills'] as const;
export type AccountPart = (typeof ACCOUNT_PARTS)[number];

/** A fill whose side is certain. */
export type KnownFill = PrivateFill & { readonly side: Side };

/** All that was asked for of an account; a part that was not is undefined. Times are microseconds of the exchange. */
export type AccountSnapshot = {
  readonly balances?: readonly PrivateBalance[] | undefined;
  readonly positions?: readonly PrivatePosition[] | undefined;
  readonly orders?: readonly PrivateOrder[] | undefined;
  readonly fills?: readonly KnownFill[] | undefined;
  readonly totals?: AccountTotals | undefined;
  readonly rejected: readonly string[];
  readonly time: number;
};

/** The margin mode of accounts that have one for all positions. */
export type AccountFacts = { readonly family: AccountFamily; readonly marginMode?: 'isolated' | 'cross' | undefined };

/** Reads the parts of an account, each once, at the same time: their limits are separate, and a list that waits grows old. */
export async function readSnapshot(
  client: AccountClient,
  { family, marginMode }: AccountFacts,
  parts: readonly AccountPart[],
  since: number,
): Promise<AccountSnapshot> {
  const has = (part: AccountPart) => parts.includes(part);
  const [orders, fills, positions, balances] = await Promise.all([
    has('orders') ? client.read(family.openOrders()) : undefined,
    has('fills') ? readFills(client, family, since) : undefined,
    has('positions') ? client.read(family.positions()) : undefined,
    has('balances') ? client.read(family.balances) : undefined,
  ]);
  const pages = [orders, fills, positions, balances];
  return {
    orders: orders && once(orders.items, ({ orderId, clientId }) => orderId ?? clientId ?? ''),
    fills: fills?.items,
    positions: positions?.items.map((position) => ({ ...position, marginMode: position.marginMode ?? marginMode })),
    balances: balances?.items,
    totals: balances?.totals,
    rejected: pages.flatMap((page) => page?.rejected ?? []),
    time: Math.max(...pages.map((page) => page?.time ?? 0)) || Math.round(client.now() * 1_000),
  };
}

/** Reads fills. Where a fill does not say its side for sure, its order does. */
async function readFills(client: AccountClient, family: AccountFamily, since: number) {
  const until = Math.round((client.now() + 1_000) * 1_000);
  const range = { since: Math.min(since, until - 1_000_000), until };
  const page = await client.read(family.fills(range));
  const fills = once(page.items, ({ market, symbol, tradeId }) => `${market} ${symbol} ${tradeId}`);
  const undecided = fills.filter(({ side }) => side === undefined);
  const orders = undecided.length === 0 ? [] : await ordersOf(client, family, range);
  const byId = new Map(orders.map((order) => [order.orderId, order]));
  const rejected: string[] = [];
  const items = fills.flatMap((fill): KnownFill[] => {
    const { side, positionSide } = fill.side === undefined ? (byId.get(fill.orderId) ?? {}) : fill;
    if (side !== undefined) return [{ ...fill, side, positionSide }];
    rejected.push(`fill ${fill.tradeId} of ${fill.symbol}: its side is not certain without order ${fill.orderId}`);
    return [];
  });
  items.sort((a, b) => a.timestamp - b.timestamp);
  return { items, rejected: [...page.rejected, ...rejected], time: page.time };
}

async function ordersOf(client: AccountClient, family: AccountFamily, range: { since: number; until: number }) {
  const closed = await client.read(family.closedOrders(range));
  const open = await client.read(family.openOrders());
  return [...closed.items, ...open.items];
}

/** Drops rows that two lists have: an order that moved from one to the other while both were read. */
function once<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] {
  return [...new Map(items.map((item) => [keyOf(item), item])).values()];
}

/** Returns the coin that a contract settles in, by its symbol. */
function settleOf(market: Market, symbol: string): string {
  if (market === 'inverse') return symbol.replace(/USD.*$/, '');
  return /(?:PERP|USDC)$/.test(symbol) || /^[A-Z0-9]+-\d/.test(symbol) ? 'USDC' : 'USDT';
}

/** Returns an order as the first list that knows it states it, undefined when every list has answered that it is not there. */
export async function lookUpOrder(
  client: AccountClient,
  family: AccountFamily,
  { market, symbol, orderId, clientId }: PrivateOrder,
): Promise<PrivateOrder | undefined> {
  const name: OrderName = { market, symbol, settle: settleOf(market, symbol), orderId, clientId };
  for (const read of family.lookups(name).orders) {
    const page = await client.read(read).catch((error) => {
      if (error instanceof AccountError && error.outcome.class === 'gone') return { items: [] };
      throw error;
    });
    const found = page.items.find((order) => (orderId === undefined ? order.clientId === clientId : order.orderId === orderId));
    if (found) return found;
  }
  return undefined;
}
