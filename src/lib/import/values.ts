import { RecordError } from '../model/ndjson.js';
import { finite, isRounded } from '../model/numbers.js';
import { LATEST, SECOND } from '../model/time.js';
import { offsetOf, type Zone } from './zone.js';

/** Units of times as numbers, and ISO 8601 or another text that starts with the year. */
export const TIME_UNITS = ['s', 'ms', 'us', 'ns', 'iso'] as const;
export type TimeUnit = (typeof TIME_UNITS)[number];

/** Bitcoin's first block: no market is older. */
export const EARLIEST_MARKET = Date.UTC(2009, 0, 1) * 1_000;
/** Digits before and after the microsecond of each unit. */
const SHIFT: Readonly<Record<Exclude<TimeUnit, 'iso'>, number>> = { s: 6, ms: 3, us: 0, ns: -3 };
const EPOCH = /^(\d{9,19})(?:\.(\d+))?$/;
const WALL =
  /^(\d{4})[-/.](\d{2})[-/.](\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$/;
/** Cells that tools write for a missing value. */
const MISSING = new Set(['', 'nan', 'null', 'none', 'na', 'n/a', '<na>', 'nat', '-']);

/** Returns whether a cell stands for a missing value. */
export function isMissing(cell: string): boolean {
  return MISSING.has(cell.toLowerCase());
}

/** Returns the only unit in which a number is a time of 2009 to 2100, undefined when there is none: the ranges are disjoint. */
export function unitOf(cell: string): TimeUnit | undefined {
  if (WALL.test(cell)) return 'iso';
  return (['s', 'ms', 'us', 'ns'] as const).find((unit) => isMarketTime(epochTime(cell, unit)));
}

/** Returns whether a time without zone needs one: a wall-clock time whose text names none. */
export function needsZone(cell: string): boolean {
  const match = WALL.exec(cell);
  return match !== null && match[8] === undefined;
}

/** Returns the microseconds of a cell. Throws a `RecordError` that says why it is no time. */
export function timeOf(cell: string, unit: TimeUnit, zone: Zone | undefined, what: string): number {
  const time = unit === 'iso' ? wallTime(cell, zone, what) : epochTime(cell, unit);
  if (isMarketTime(time)) return time;
  if (isRounded(cell.trim()))
    throw new RecordError(`${what}: ${cell} was rounded by a spreadsheet; export the column as text or integer`);
  const meant = unitOf(cell);
  const hint = meant !== undefined && meant !== unit ? `; it would be a time in ${meant}` : '';
  throw new RecordError(`${what}: expected a time of 2009 to 2100 in ${unit}, was ${cell.slice(0, 40)}${hint}`);
}

function isMarketTime(time: number | undefined): time is number {
  return time !== undefined && time >= EARLIEST_MARKET && time < LATEST;
}

/** Reads digits as they are: as a double, microseconds with a fraction of a second would be off by one now and then. */
function epochTime(cell: string, unit: Exclude<TimeUnit, 'iso'>): number | undefined {
  const [, whole, fraction = ''] = EPOCH.exec(cell) ?? [];
  if (whole === undefined) return undefined;
  const shift = SHIFT[unit];
  return Number(shift < 0 ? whole.slice(0, shift) : whole + fraction.slice(0, shift).padEnd(shift, '0'));
}

function wallTime(cell: string, zone: Zone | undefined, what: string): number | undefined {
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', offset] = WALL.exec(cell) ?? [];
  if (year === undefined) return undefined;
  const start = Date.UTC(Number(year), Number(month) - 1, Number(day));
  if (new Date(start).getUTCDate() !== Number(day) || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59)
    return undefined;
  const within =
    (Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * SECOND + Number(fraction.slice(0, 6).padEnd(6, '0'));
  const wall = start * 1_000 + within;
  if (offset !== undefined) return wall - offsetOf(offset);
  if (!zone) throw new RecordError(`${what}: ${cell} names no time zone; --input-tz says which`);
  return zone.toUtc(wall, what, cell);
}

/** Returns the number of a cell. Throws a `RecordError`, with a hint for thousands separators and decimal commas. */
export function numberOf(cell: string, decimal: '.' | ',', what: string): number {
  const text = decimal === ',' && /^[+-]?\d*,?\d*(?:[eE][+-]?\d+)?$/.test(cell) ? cell.replace(',', '.') : cell;
  const number = decimal === ',' && cell.includes('.') ? undefined : finite(text);
  if (number !== undefined) return number;
  const hint = /^[+-]?\d{1,3}([,.' ]\d{3})+([.,]\d+)?$/.test(cell) ? '; remove thousands separators' : '';
  const comma = decimal === '.' && hint === '' && /^[+-]?\d+,\d+$/.test(cell) ? '; --decimal , reads a decimal comma' : '';
  throw new RecordError(`${what}: expected a number, was ${cell.slice(0, 40)}${hint}${comma}`);
}
