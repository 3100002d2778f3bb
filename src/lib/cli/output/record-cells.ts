import { fieldsOf, printable, type RecordProperties } from '../../model/ndjson.js';
import type { AnyRecord, RecordType } from '../../model/records.js';
import type { Level } from '../../model/schema.js';
import { SECOND, spokenDuration } from '../../model/time.js';
import { timeOfDay } from '../time-zone.js';
import { alignsRight, cellText, plainNumber } from './cell.js';
import type { Colors } from './colors.js';

/** One value of a record's line. Where room is short, the cells of the highest rank go first; those of rank 0 stay. */
export type LineCell = {
  /** Names the column in which it is lined up. */
  readonly key: string;
  readonly text: string;
  readonly rank: number;
  readonly right?: boolean;
  readonly color?: keyof Colors;
};

type OfType<Type extends RecordType> = Extract<AnyRecord, { type: Type }>;
type Describe = { readonly [Type in RecordType]?: (record: OfType<Type>) => readonly (LineCell | undefined)[] };

const word = (key: string, text: string, rank: number, color?: keyof Colors): LineCell => ({
  key,
  text,
  rank,
  ...(color && { color }),
});

/** A number after its name, `bid 3053.4`; none where the value is missing. */
function value(name: string, number: number | undefined, rank: number, digits?: number): LineCell | undefined {
  if (number === undefined) return undefined;
  const text = digits === undefined ? plainNumber(number) : String(Number(number.toPrecision(digits)));
  return { key: name, text: name === '' ? text : `${name} ${text}`, rank, right: false };
}

function sided(side: 'buy' | 'sell' | undefined, rank: number): LineCell {
  if (side === undefined) return word('side', '    ', rank);
  return word('side', side.padEnd(4), rank, side === 'buy' ? 'good' : 'bad');
}

function levelCell(name: string, [best]: readonly Level[], rank: number): LineCell {
  return word(name, `${name} ${best ? `${plainNumber(best[0])} × ${plainNumber(best[1])}` : 'none'}`, rank);
}

function shareOf(price: number, from: number): string {
  const share = (price / from - 1) * 100;
  return `(${share > 0 ? '+' : ''}${share.toFixed(2)}%)`;
}

const yes = (is: boolean | undefined, cell: LineCell) => (is ? cell : undefined);

/** The cells of the records that arrive live, in the order in which they are read. */
const CELLS: Describe = {
  candle: ({ interval, open, high, low, close, volume, trades, turnover, closed, complete }) => [
    word('interval', interval, 3),
    value('O', open, 4),
    value('H', high, 2),
    value('L', low, 2),
    close === undefined ? word('C', 'no trades', 0) : { ...(value('C', close, 0) as LineCell), ...rising(open, close) },
    value('V', volume, 1, 6),
    yes(!closed, word('open', 'open', 1)),
    yes(complete === false, word('complete', 'incomplete', 1, 'bad')),
    value('trades', trades, 5),
    value('turnover', turnover, 6, 6),
  ],
  trade: ({ side, price, amount, id }) => [
    sided(side, 0),
    { ...(value('', amount, 0) as LineCell), key: 'amount', right: true },
    word('at', `@ ${plainNumber(price)}`, 0),
    word('id', `id ${printable(id)}`, 2, 'faint'),
  ],
  liquidation: ({ side, price, amount }) => [
    word('what', 'liquidation', 1, 'bad'),
    sided(side, 0),
    { ...(value('', amount, 0) as LineCell), key: 'amount', right: true },
    word('at', `@ ${plainNumber(price)}`, 0),
  ],
  ticker: ({ last, bid, ask, volume24h, turnover24h }) => [
    value('last', last, 0),
    value('bid', bid, 1),
    value('ask', ask, 1),
    bid !== undefined && ask !== undefined ? value('spread bps', ((ask - bid) / ((ask + bid) / 2)) * 10_000, 2, 3) : undefined,
    value('volume 24h', volume24h, 3, 6),
    value('turnover 24h', turnover24h, 4, 6),
  ],
  book_snapshot: ({ bids, asks, depth }) => [
    levelCell('bid', bids, 0),
    levelCell('ask', asks, 0),
    word('levels', `${Math.max(bids.length, asks.length)} levels${depth === undefined ? ' (whole)' : ''}`, 2, 'faint'),
  ],
  book_delta: ({ bids, asks }) => [
    word('what', 'book', 1),
    levelCell('bid', bids, 0),
    levelCell('ask', asks, 0),
    word('levels', `${bids.length + asks.length} changed`, 2, 'faint'),
  ],
  mark_price: ({ mark, index }) => [value('mark', mark, 0), value('index', index, 1)],
  open_interest: ({ amount, amountBothSides }) => [value('open interest', amount, 0), value('both sides', amountBothSides, 1)],
  funding: ({ rate, nextFundingTimestamp, settled }) => [
    word('rate', `${settled ? 'funding paid' : 'funding'} ${Number((rate * 100).toPrecision(6))}%`, 0),
    nextFundingTimestamp === undefined ? undefined : word('next', `next at ${timeOfDay(nextFundingTimestamp)}`, 1),
  ],
  gap: ({ channel, fromTimestamp, untilTimestamp, reason, repaired, missing }) => [
    word('what', `gap in ${printable(channel)}`, 0, missing ? 'bad' : 'heading'),
    word('length', spokenDuration((untilTimestamp - fromTimestamp) / SECOND), 0),
    word('from', `from ${timeOfDay(fromTimestamp)}`, 3),
    word('reason', reason, 2),
    word('state', missing ? 'missing' : `${repaired} recovered`, 1),
  ],
  signal: (signal) => [
    word('side', signal.side === 'buy' ? 'LONG ' : 'SHORT', 0, signal.side === 'buy' ? 'good' : 'bad'),
    word('price', plainNumber(signal.price), 0),
    word('stop', `stop ${plainNumber(signal.stop)} ${shareOf(signal.stop, signal.price)}`, 1),
    word('target', `target ${plainNumber(signal.takeProfit)} ${shareOf(signal.takeProfit, signal.price)}`, 1),
    word('trail', `trail ${(signal.trailingDistance * 100).toFixed(2)}% from ${plainNumber(signal.trailingArm)}`, 4),
    word('timeout', `timeout ${spokenDuration(signal.timeoutSeconds)}`, 5),
    value('delta_z', signal.deltaZ, 3, 3),
    value('imb_shift', signal.imbShift, 3, 3),
    value('mark_dev_z', signal.markDevZ, 3, 3),
  ],
  fill: ({ positionSide, reason, amount, price, realizedPnl, fee, position }) => [
    word('what', positionSide === 'long' ? 'long ' : 'short', 0),
    word('reason', (reason ?? '').replaceAll('_', ' '), 0, reason === 'entry' ? 'heading' : undefined),
    { ...(value('', amount, 0) as LineCell), key: 'amount', right: true },
    word('at', `@ ${plainNumber(price)}`, 0),
    position === 0 && realizedPnl !== undefined
      ? word('pnl', `P&L ${realizedPnl.toFixed(2)}`, 1, realizedPnl < 0 ? 'bad' : 'good')
      : undefined,
    value('fee', fee, 3, 4),
  ],
  features: (row) => [
    value('C', row.close, 0),
    value('delta_z', row.deltaZ, 1, 3),
    value('imb_shift', row.imbShift, 1, 3),
    value('mark_dev_z', row.markDevZ, 1, 3),
    row.warm ? undefined : word('warm', 'warming', 2, 'faint'),
    yes(row.gapInWindow, word('gap', 'gap in window', 2, 'bad')),
    value('spread_bps', row.spreadBps, 3, 3),
    value('atr15m_pct', row.atr15mPct, 3, 3),
    value('oi_z', row.oiZ, 4, 3),
    value('ofi', row.ofi, 4, 4),
    value('basis_bps', row.basisBps, 5, 3),
    value('realized_vol', row.realizedVol, 5, 3),
  ],
  micro: (row) => [
    value('C', row.close, 0),
    value('delta', row.delta, 1, 5),
    value('trades', row.trades, 1),
    value('bid', row.bid, 2),
    value('ask', row.ask, 2),
    value('imbalance', row.imbalance, 3, 3),
    value('spread_bps', row.spreadBps, 4, 3),
    yes(!row.complete, word('complete', 'in a gap', 1, 'bad')),
  ],
};

function rising(open: number | undefined, close: number): { color?: keyof Colors } {
  return open === undefined || open === close ? {} : { color: close > open ? 'good' : 'bad' };
}

const LEADING = new Set(['exchange', 'market', 'symbol', 'timestamp', 'local_timestamp']);

/** Returns the cells of a record beside its time and symbol; undefined for a type that is not shown as it arrives. */
export function cellsOf(record: AnyRecord): LineCell[] | undefined {
  // A clock is for later steps: it says that time has passed.
  if (record.type === 'clock') return undefined;
  const describe = CELLS[record.type] as ((of: AnyRecord) => readonly (LineCell | undefined)[]) | undefined;
  const cells = describe ? describe(record) : plainCells(record);
  return cells.filter((cell) => cell !== undefined);
}

/** The fields of other types, the first the most important. */
function plainCells(record: AnyRecord): LineCell[] {
  const properties = record as unknown as RecordProperties;
  const fields = fieldsOf(record.type).filter(({ name }) => !LEADING.has(name));
  const cells = fields.flatMap(({ name, property, column }, index): LineCell[] => {
    const text = cellText(properties[property], column);
    return text === '' ? [] : [{ key: name, text: `${name} ${text}`, rank: index, right: alignsRight(column) }];
  });
  return [word('what', record.type, 0), ...cells];
}
