import type { Colors } from '../../lib/cli/output/colors.js';
import type {
  AccountTotals,
  DecimalText,
  PrivateBalance,
  PrivateOrder,
  PrivatePosition,
} from '../../lib/exchanges/private-side.js';

/** What the panel shows of one account. */
export type AccountView = {
  readonly title: string;
  /** Whether pushes arrive. */
  readonly isLive: boolean;
  readonly totals: AccountTotals | undefined;
  readonly balances: readonly PrivateBalance[];
  readonly positions: readonly PrivatePosition[];
  readonly orders: readonly PrivateOrder[];
  /** Last prices of symbols without a position. */
  readonly prices: ReadonlyMap<string, number>;
  /** The latest events, as lines. */
  readonly events: readonly string[];
};

type Paint = (text: string) => string;
type Cell = { readonly text: string; readonly paint?: Paint | undefined };
type Column = { readonly name: string; readonly right: boolean; readonly wide?: boolean };

const WIDE = 110;
/** Distances to liquidation, percent: below them the position is in danger. */
const DANGER = 10;
const MARGIN_DANGER = 0.5;

const plain: Paint = (text) => text;

/** Returns the panel of accounts, at most `width` wide; from 110 characters on it has more columns. */
export function renderPanel(views: readonly AccountView[], { width, colors }: { width: number; colors: Colors }): string {
  const blocks = views.map((view) => [
    ...header(view, width, colors),
    ...section(
      BALANCES,
      view.balances.map((row) => balanceCells(row, colors)),
      width,
      colors,
    ),
    ...section(
      POSITIONS,
      view.positions.map((row) => positionCells(row, colors)),
      width,
      colors,
    ),
    ...section(
      ORDERS,
      view.orders.map((row) => orderCells(row, view, colors)),
      width,
      colors,
    ),
    ...view.events.map((line) => colors.faint(fitted(line, width))),
  ]);
  return blocks.map((lines) => lines.join('\n')).join('\n\n');
}

function header({ title, isLive, totals, positions, orders }: AccountView, width: number, colors: Colors): string[] {
  const ratio = totals?.marginRatio === undefined ? undefined : Number(totals.marginRatio);
  const parts: Cell[] = [
    { text: isLive ? 'live' : 'not connected', paint: isLive ? colors.good : colors.bad },
    ...(totals?.equity === undefined ? [] : [{ text: `equity ${money(totals.equity)} USD` }]),
    ...(totals?.unrealised === undefined
      ? []
      : [{ text: `P&L ${money(totals.unrealised)}`, paint: byProfit(totals.unrealised, colors) }]),
    ...(ratio === undefined
      ? []
      : [{ text: `margin ratio ${(ratio * 100).toFixed(1)}%`, paint: ratio >= MARGIN_DANGER ? colors.bad : plain }]),
  ];
  const none = positions.length + orders.length === 0 ? [colors.faint('no positions, no open orders')] : [];
  return [colors.heading(fitted(title, width)), painted(parts, width), ...none];
}

/** Returns cells on one line; those that do not fit are dropped. */
function painted(parts: readonly Cell[], width: number): string {
  let used = 0;
  const shown: string[] = [];
  for (const { text, paint = plain } of parts) {
    used += text.length + (shown.length > 0 ? 3 : 0);
    if (used > width) break;
    shown.push(paint(text));
  }
  return shown.join('   ');
}

const BALANCES: readonly Column[] = [
  { name: 'balance', right: false },
  { name: 'total', right: true },
  { name: 'available', right: true },
  { name: 'equity', right: true },
  { name: 'P&L', right: true },
  { name: 'margin', right: true, wide: true },
  { name: 'borrowed', right: true, wide: true },
];
const POSITIONS: readonly Column[] = [
  { name: 'position', right: false },
  { name: 'size', right: true },
  { name: 'entry', right: true },
  { name: 'mark', right: true },
  { name: 'P&L', right: true },
  { name: 'liq.', right: true },
  { name: 'away', right: true },
  { name: 'mode', right: false },
  { name: 'margin', right: true, wide: true },
  { name: 'realised', right: true, wide: true },
];
const ORDERS: readonly Column[] = [
  { name: 'order', right: false },
  { name: 'side', right: false },
  { name: 'price', right: true },
  { name: 'size', right: true },
  { name: 'filled', right: true },
  { name: 'away', right: true },
  { name: 'kind', right: false },
  { name: 'id', right: false, wide: true },
];

function balanceCells(row: PrivateBalance, colors: Colors): Cell[] {
  return [
    { text: row.asset },
    { text: money(row.total) },
    { text: money(row.available) },
    { text: money(row.equity) },
    { text: money(row.unrealised), paint: byProfit(row.unrealised, colors) },
    { text: money(row.marginUsed) },
    { text: money(row.borrowed) },
  ];
}

function positionCells(row: PrivatePosition, colors: Colors): Cell[] {
  const away = distance(row.mark, row.liquidation);
  const side = row.positionSide ?? '';
  const mode = [row.marginMode === 'isolated' ? 'iso' : row.marginMode, row.leverage && `${row.leverage}x`];
  return [
    { text: `${row.symbol} ${side}`, paint: side === 'short' ? colors.bad : colors.good },
    { text: row.amount },
    { text: price(row.average) },
    { text: price(row.mark) },
    { text: money(row.unrealised), paint: byProfit(row.unrealised, colors) },
    { text: price(row.liquidation) },
    {
      text: away === undefined ? '' : `${Math.abs(away).toFixed(1)}%`,
      paint: away !== undefined && Math.abs(away) < DANGER ? colors.bad : plain,
    },
    { text: mode.filter(Boolean).join(' ') },
    { text: money(row.margin) },
    { text: money(row.realised), paint: byProfit(row.realised, colors) },
  ];
}

function orderCells(row: PrivateOrder, { positions, prices }: AccountView, colors: Colors): Cell[] {
  const market = positions.find(({ symbol }) => symbol === row.symbol)?.mark ?? prices.get(row.symbol);
  const away = distance(market === undefined ? undefined : String(market), row.price);
  const kind = [row.kind, row.isTrigger && 'trigger', row.reduceOnly && 'reduce'].filter(Boolean).join(' ');
  return [
    { text: row.symbol },
    { text: row.side, paint: row.side === 'buy' ? colors.good : colors.bad },
    { text: price(row.price) },
    { text: row.amount },
    { text: row.filled },
    { text: away === undefined ? '' : `${away.toFixed(2)}%` },
    { text: kind },
    { text: row.clientId ?? row.orderId ?? '' },
  ];
}

/** Returns how far a price is from the market, percent of the market. */
function distance(market: DecimalText | undefined, target: DecimalText | undefined): number | undefined {
  if (market === undefined || target === undefined || Number(market) === 0) return undefined;
  return ((Number(target) - Number(market)) / Number(market)) * 100;
}

/** Returns a table, nothing without rows. Columns that do not fit are dropped from the right; nothing is ever cut in a number. */
function section(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number, colors: Colors): string[] {
  if (rows.length === 0) return [];
  const wanted = columns.map((column, index) => ({
    ...column,
    index,
    size: Math.max(column.name.length, ...rows.map((row) => row[index]?.text.length ?? 0)),
    isEmpty: rows.every((row) => (row[index]?.text ?? '') === ''),
  }));
  let room = width;
  const shown = wanted
    .filter(({ isEmpty, wide }) => !isEmpty && (!wide || width >= WIDE))
    .filter(({ size }, place) => {
      room -= size + (place > 0 ? 2 : 0);
      return room >= 0;
    });
  const line = (cellOf: (index: number) => Cell) =>
    shown
      .map(({ index, right, size }, place) => {
        const { text, paint = plain } = cellOf(index);
        if (right) return paint(text.padStart(size));
        return paint(place === shown.length - 1 ? text : text.padEnd(size));
      })
      .join('  ')
      .trimEnd();
  return [
    line((index) => ({ text: columns[index]?.name ?? '', paint: colors.faint })),
    ...rows.map((row) => line((index) => row[index] ?? { text: '' })),
  ];
}

function byProfit(value: DecimalText | undefined, colors: Colors): Paint {
  const amount = Number(value ?? 0);
  if (amount > 0) return colors.good;
  return amount < 0 ? colors.bad : plain;
}

const MONEY = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const SMALL = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 6 });
const PRICE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 12 });

/** Returns an amount with two decimals; a smaller one with six digits, since 0.00 would hide it. */
function money(value: DecimalText | undefined): string {
  if (value === undefined) return '';
  const amount = Number(value);
  return amount !== 0 && Math.abs(amount) < 1 ? SMALL.format(amount) : MONEY.format(amount);
}

/** Returns a price; averages may have more digits than anybody reads. */
function price(value: DecimalText | undefined): string {
  if (value === undefined) return '';
  const digits = value.replace(/^-?0*\.?0*/, '').replace('.', '').length;
  return digits > 9 ? PRICE.format(Number(Number(value).toPrecision(9))) : PRICE.format(Number(value));
}

function fitted(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
