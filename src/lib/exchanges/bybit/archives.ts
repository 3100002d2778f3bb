import { positive } from '../../model/numbers.js';
import type { Market, Side, Trade } from '../../model/records.js';
import { DAY, fromMilliseconds, isTime, SECOND } from '../../model/time.js';
import type { ArchiveLayout, ArchiveName, Archives } from '../archive.js';
import { buildTrade, parseSide } from './rows.js';

/** `BTCUSDT2026-11-20.csv.gz` (contracts), `BTCUSDT_2026-11-20.csv.gz` and, of a month, `BTCUSDT-2026-11.csv.gz` (spot). */
const NAME = /^([^\sa-z:/,_-]+?(?:-\d{2}[A-Z]{3}\d{2})?)[_-]?(\d{4})-(\d{2})(?:-(\d{2}))?(?=\.|_|$)/;

/** Contracts that are margined in their coin: `BTCUSD`, `BTCUSDZ25`. All others are linear. */
const INVERSE = /^.+USD(?:[FGHJKMNQUVXZ]\d{2})?$/;

const CONTRACT = ['timestamp', 'symbol', 'side', 'size', 'price', 'trdMatchID'] as const;
const SPOT = ['id', 'timestamp', 'price', 'volume', 'side'] as const;

/** Daily files of public.bybit.com: `trading/` holds contracts, `spot/` pairs. Columns are found by their header. */
export const ARCHIVES: Archives = {
  headers: [CONTRACT, SPOT],
  nameOf(file) {
    const [, symbol, year, month, day] = NAME.exec(file) ?? [];
    if (symbol === undefined) return undefined;
    const from = Date.UTC(Number(year), Number(month) - 1, Number(day ?? 1)) * 1_000;
    const until = day === undefined ? Date.UTC(Number(year), Number(month)) * 1_000 : from + DAY;
    if (Number.isNaN(from)) return undefined;
    return { symbol, label: [year, month, day].filter((part) => part !== undefined).join('-'), span: { from, until } };
  },
  layoutOf(header, name) {
    const column = (column: string) => header.indexOf(column);
    if (CONTRACT.every((each) => column(each) >= 0)) return contractLayout(column, name);
    if (SPOT.every((each) => column(each) >= 0)) return spotLayout(column, name);
    return undefined;
  },
};

type Column = (name: string) => number;

/** Seconds with a fraction, sides Buy and Sell, `trdMatchID` as the socket's `i`. */
function contractLayout(column: Column, { symbol }: ArchiveName): ArchiveLayout {
  const market: Market = INVERSE.test(symbol) ? 'inverse' : 'linear';
  const [time, named, side, size, price, id] = CONTRACT.map(column) as [number, number, number, number, number, number];
  return {
    market,
    symbol,
    hasPublicIds: true,
    columns: CONTRACT,
    read(cells) {
      if (cells[named] !== symbol) return `expected symbol ${symbol}`;
      return parseTrade(
        market,
        symbol,
        fromSeconds(cells[time]),
        cells[id],
        cells[price],
        cells[size],
        parseSide(cells[side]),
        undefined,
      );
    },
  };
}

/**
 * Milliseconds, sides in lower case, no symbol; `id` counts the rows of the file from 1 and is no id of the exchange, so
 * that the file's date is put before it. It orders the trades of one millisecond.
 */
function spotLayout(column: Column, { symbol, label }: ArchiveName): ArchiveLayout {
  const [id, time, price, volume, side] = SPOT.map(column) as [number, number, number, number, number];
  return {
    market: 'spot',
    symbol,
    hasPublicIds: false,
    columns: SPOT,
    read(cells) {
      const number = cells[id] ?? '';
      if (!/^\d{1,15}$/.test(number)) return 'expected a number in id';
      const taker = cells[side] === 'buy' || cells[side] === 'sell' ? cells[side] : undefined;
      const timestamp = fromMilliseconds(cells[time]);
      return parseTrade(
        'spot',
        symbol,
        timestamp,
        `${label}-${number}`,
        cells[price],
        cells[volume],
        taker,
        String(Number(number)),
      );
    },
  };
}

function parseTrade(
  market: Market,
  symbol: string,
  timestamp: number | undefined,
  id: string | undefined,
  rawPrice: string | undefined,
  rawAmount: string | undefined,
  side: Side | undefined,
  sequence: string | undefined,
): Trade | string {
  const price = positive(rawPrice);
  const amount = positive(rawAmount);
  if (timestamp === undefined) return 'expected a time in timestamp';
  if (id === undefined || id === '') return 'expected an id';
  if (price === undefined) return 'expected a price above 0';
  if (amount === undefined) return 'expected an amount above 0';
  if (side === undefined) return 'expected a side, buy or sell';
  return buildTrade(market, symbol, timestamp, id, price, amount, side, sequence);
}

/** Returns microseconds of `1763596800.0647`, digit by digit: as a double it would be off by one now and then. */
function fromSeconds(text: string | undefined): number | undefined {
  const [, seconds, fraction = ''] = /^(\d{9,10})(?:\.(\d+))?$/.exec(text ?? '') ?? [];
  if (seconds === undefined) return undefined;
  const time = Number(seconds) * SECOND + Number(fraction.slice(0, 6).padEnd(6, '0'));
  return isTime(time) ? time : undefined;
}
