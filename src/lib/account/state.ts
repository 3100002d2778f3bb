import { isZero } from '../exchanges/private-rows.js';
import type {
  AccountTotals,
  DecimalText,
  PrivateBalance,
  PrivateFrame,
  PrivateOrder,
  PrivatePosition,
} from '../exchanges/private-side.js';
import { Exact } from '../model/ticks.js';
import type { AccountSnapshot, KnownFill } from './snapshot.js';

/** Something that is known, and the number of the push that said it last. */
type Known<Row> = { row: Row; revision: number; at: number };

/** Rows that a push or a snapshot has changed. */
export type Changes = {
  readonly balances: PrivateBalance[];
  readonly positions: PrivatePosition[];
  readonly orders: PrivateOrder[];
  readonly fills: KnownFill[];
};

/** What REST says otherwise than the pushes did, in words. */
export type Difference = { readonly what: string; readonly known: string; readonly found: string };

const TERMINAL = new Set(['filled', 'cancelled', 'rejected']);
/** Finished orders and fills that are remembered; older ones do not come again. */
const REMEMBERED = 20_000;
/** An order heard of within this, ms, may be missing from lists that are behind. */
const PROTECTION = 5_000;

/** What is known of an account: a snapshot, the pushes since, and which of both is the newer one, row by row. */
export class AccountState {
  readonly #balances = new Map<string, Known<PrivateBalance>>();
  readonly #positions = new Map<string, Known<PrivatePosition>>();
  readonly #orders = new Map<string, Known<PrivateOrder>>();
  readonly #finished = new Map<string, PrivateOrder>();
  readonly #fills = new Set<string>();
  /** When the exchange sent the last push of each balance, microseconds. */
  readonly #balanceTimes = new Map<string, number>();
  #totals: AccountTotals | undefined;
  #revision = 0;

  /** Number of pushes so far: a snapshot that was asked for at one says nothing about rows that changed later. */
  get revision(): number {
    return this.#revision;
  }

  get totals(): AccountTotals | undefined {
    return this.#totals;
  }

  get balances(): PrivateBalance[] {
    return [...this.#balances.values()].map(({ row }) => row);
  }

  /** Open positions. */
  get positions(): PrivatePosition[] {
    return [...this.#positions.values()].map(({ row }) => row).filter(({ amount }) => !isZero(amount));
  }

  get orders(): PrivateOrder[] {
    return [...this.#orders.values()].map(({ row }) => row);
  }

  /** Applies a push that arrived at `at`, milliseconds; returns what it changed. Fills without a side are left to REST. */
  push(frame: Extract<PrivateFrame, { kind: 'data' }>, at: number): Changes {
    this.#revision += 1;
    this.#totals = { ...this.#totals, ...frame.totals };
    return {
      balances: frame.balances.filter((row) => !this.#isLate(row, frame.time) && this.#keepBalance(row, at)),
      positions: frame.positions.filter((row) => this.#keepPosition(row, at)),
      orders: frame.orders.filter((row) => this.#keepOrder(row, at)),
      fills: this.#newFills(frame.fills.filter((fill): fill is KnownFill => fill.side !== undefined)),
    };
  }

  /**
   * Applies a snapshot that was asked for when `asked` pushes had arrived, at `at`. Returns what changed, what REST says
   * otherwise, and open orders that its list does not have: their end is not known until each is looked up.
   */
  apply(
    snapshot: AccountSnapshot,
    asked: number,
    at: number,
  ): { changes: Changes; differences: Difference[]; missing: PrivateOrder[] } {
    const isOlder = ({ revision }: Known<unknown>) => revision <= asked;
    const differences: Difference[] = [];
    const changes: Changes = { balances: [], positions: [], orders: [], fills: this.#newFills(snapshot.fills ?? []) };
    this.#totals = { ...this.#totals, ...snapshot.totals };
    for (const fill of changes.fills)
      differences.push({
        what: `fill ${fill.tradeId} of ${fill.symbol}`,
        known: 'none',
        found: `${fill.amount} at ${fill.price}`,
      });
    for (const row of snapshot.balances ?? []) {
      const known = this.#balances.get(balanceKey(row));
      if (known && !isOlder(known)) continue;
      if (known && !isSame(known.row.total, row.total))
        differences.push({ what: `balance of ${row.asset}`, known: text(known.row.total), found: text(row.total) });
      if (this.#keepBalance(row, at)) changes.balances.push(row);
    }
    this.#applyPositions(snapshot.positions, isOlder, at, changes, differences);
    const missing = this.#applyOrders(snapshot.orders, isOlder, at, changes, differences);
    return { changes, differences, missing };
  }

  /** Applies what became of an order that was looked up. */
  settle(order: PrivateOrder, at: number): boolean {
    return this.#keepOrder(order, at);
  }

  /** Drops an order that no list has, and returns whether it did: one that is younger than a list may be behind stays. */
  forget(order: PrivateOrder, at: number): boolean {
    const known = this.#orders.get(orderKey(order));
    if (known && at - known.at < PROTECTION) return false;
    return this.#orders.delete(orderKey(order));
  }

  #applyPositions(
    rows: readonly PrivatePosition[] | undefined,
    isOlder: (known: Known<unknown>) => boolean,
    at: number,
    changes: Changes,
    differences: Difference[],
  ): void {
    if (rows === undefined) return;
    const listed = new Set(rows.map(positionKey));
    const gone = [...this.#positions.values()]
      .filter((known) => isOlder(known) && !listed.has(positionKey(known.row)) && !isZero(known.row.amount))
      .map(
        ({ row }): PrivatePosition => ({
          market: row.market,
          symbol: row.symbol,
          positionMode: row.positionMode,
          positionSide: row.positionMode === 'hedge' ? row.positionSide : undefined,
          amount: '0',
        }),
      );
    for (const row of [...rows, ...gone]) {
      const known = this.#positions.get(positionKey(row));
      if (known && !isOlder(known)) continue;
      const amount = known ? signedAmount(known.row) : '0';
      if (!isSame(amount, signedAmount(row)))
        differences.push({ what: `position in ${row.symbol}`, known: amount, found: signedAmount(row) });
      if (this.#keepPosition(row, at)) changes.positions.push(row);
    }
  }

  #applyOrders(
    rows: readonly PrivateOrder[] | undefined,
    isOlder: (known: Known<unknown>) => boolean,
    at: number,
    changes: Changes,
    differences: Difference[],
  ): PrivateOrder[] {
    if (rows === undefined) return [];
    const listed = new Set(rows.map(orderKey));
    for (const row of rows) {
      const known = this.#orders.get(orderKey(row));
      if (known && !isOlder(known)) continue;
      const what = `order ${orderKey(row)} of ${row.symbol}`;
      const isNew = !known && !this.#finished.has(orderKey(row));
      if (isNew) differences.push({ what, known: 'none', found: `${row.status}, ${row.filled} filled` });
      else if (known && new Exact(row.filled).gt(known.row.filled))
        differences.push({ what, known: `${known.row.filled} filled`, found: `${row.filled} filled` });
      if (this.#keepOrder(row, at)) changes.orders.push(row);
    }
    return [...this.#orders.values()].filter((known) => isOlder(known) && !listed.has(orderKey(known.row))).map(({ row }) => row);
  }

  /** A push that others overtook would show an old balance until the next one comes. */
  #isLate(row: PrivateBalance, time: number | undefined): boolean {
    const last = this.#balanceTimes.get(balanceKey(row));
    if (time === undefined || (last !== undefined && time < last)) return time !== undefined;
    this.#balanceTimes.set(balanceKey(row), time);
    return false;
  }

  #keepBalance(row: PrivateBalance, at: number): boolean {
    const key = balanceKey(row);
    const known = this.#balances.get(key);
    // A push may have fewer figures than REST: those it lacks stay.
    return this.#keep(this.#balances, key, { ...known?.row, ...present(row) }, at);
  }

  #keepPosition(row: PrivatePosition, at: number): boolean {
    const key = positionKey(row);
    const known = this.#positions.get(key)?.row;
    if (known && isEarlier(row.sequence, known.sequence)) return false;
    // Nothing of a closed position belongs to the next one.
    const isContinued = known && !isZero(known.amount) && !isZero(row.amount) && known.positionSide === row.positionSide;
    return this.#keep(this.#positions, key, isContinued ? { ...known, ...present(row) } : row, at);
  }

  /** Keeps an order unless it is older than what is known: a filled amount never goes down, a finished order never reopens. */
  #keepOrder(row: PrivateOrder, at: number): boolean {
    const key = orderKey(row);
    const finished = this.#finished.get(key);
    const known = this.#orders.get(key)?.row ?? finished;
    if (known && new Exact(row.filled).lt(known.filled)) return false;
    if (isOpen(row)) return finished === undefined && this.#keep(this.#orders, key, row, at);
    this.#orders.delete(key);
    this.#finished.set(key, row);
    trim(this.#finished);
    return JSON.stringify(known) !== JSON.stringify(row);
  }

  #keep<Row>(rows: Map<string, Known<Row>>, key: string, row: Row, at: number): boolean {
    const known = rows.get(key);
    rows.set(key, { row, revision: this.#revision, at });
    return JSON.stringify(known?.row) !== JSON.stringify(row);
  }

  #newFills(fills: readonly KnownFill[]): KnownFill[] {
    return fills.filter(({ market, symbol, tradeId }) => {
      const key = `${market} ${symbol} ${tradeId}`;
      if (this.#fills.has(key)) return false;
      this.#fills.add(key);
      trim(this.#fills);
      return true;
    });
  }
}

function balanceKey({ market, asset }: PrivateBalance): string {
  return `${market ?? ''} ${asset}`;
}

function positionKey({ market, symbol, positionMode, positionSide }: PrivatePosition): string {
  return `${market} ${symbol} ${positionMode === 'hedge' ? positionSide : ''}`;
}

/** Whether an order can still fill. */
export function isOpen({ status }: PrivateOrder): boolean {
  return !TERMINAL.has(status);
}

function orderKey({ orderId, clientId }: PrivateOrder): string {
  return orderId ?? clientId ?? '';
}

/** Amount with the sign of its side, so that a turned position is a difference. */
function signedAmount({ amount, positionSide }: PrivatePosition): DecimalText {
  return positionSide === 'short' && !isZero(amount) ? `-${amount}` : amount;
}

function isSame(a: DecimalText | undefined, b: DecimalText | undefined): boolean {
  return a === undefined || b === undefined ? a === b : new Exact(a).eq(b);
}

function isEarlier(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return new Exact(a).lt(b);
}

function text(value: DecimalText | undefined): string {
  return value ?? 'unknown';
}

/** Returns the row without its missing values. */
function present<Row extends object>(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as Row;
}

function trim(kept: Map<string, unknown> | Set<string>): void {
  if (kept.size > REMEMBERED) kept.delete(kept.keys().next().value as string);
}
