import { UsageError } from '../model/errors.js';
import { RecordError } from '../model/ndjson.js';
import { HOUR, SECOND } from '../model/time.js';

/** A time zone of wall-clock times. */
export type Zone = {
  readonly name: string;
  /** Returns UTC microseconds of a wall-clock time. Throws a `RecordError` for a time that a clock change skips or repeats. */
  toUtc(wall: number, what: string, cell: string): number;
};

/** Returns the zone of `UTC`, `+08:00` or `Europe/Berlin`. Throws a `UsageError` that names the flag. */
export function parseZone(name: string): Zone {
  if (/^(UTC|GMT|Z)$/i.test(name)) return { name: 'UTC', toUtc: (wall) => wall };
  const fixed = /^(?:UTC|GMT)?([+-]\d{1,2}(?::?\d{2})?)$/i.exec(name)?.[1]?.replace(/^([+-])(\d)(?!\d)/, '$10$2');
  if (fixed !== undefined) return { name, toUtc: (wall) => wall - offsetOf(fixed) };
  try {
    return namedZone(name, new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' }));
  } catch {
    throw new UsageError(`--input-tz: expected UTC, an offset such as +08:00 or a zone such as Europe/Berlin, was "${name}"`);
  }
}

/** Offsets change on whole quarters of an hour: one look-up per hour is enough for all rows in it, twice an hour near a change. */
function namedZone(name: string, format: Intl.DateTimeFormat): Zone {
  const offsets = new Map<number, number>();
  const offsetAt = (utc: number): number => {
    const quarter = Math.floor((utc * 4) / HOUR);
    const known = offsets.get(quarter);
    if (known !== undefined) return known;
    const text = format.formatToParts(new Date(utc / 1_000)).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const offset = offsetOf(text.replace(/^GMT/, '').replace('−', '-'));
    offsets.set(quarter, offset);
    return offset;
  };
  return {
    name,
    toUtc(wall, what, cell) {
      const candidates = [offsetAt(wall - 14 * HOUR), offsetAt(wall + 12 * HOUR)];
      const times = [...new Set(candidates.map((offset) => wall - offset))].filter((utc) => offsetAt(utc) === wall - utc);
      const [time, second] = times;
      if (time === undefined) throw new RecordError(`${what}: ${cell} does not exist in ${name}: the clock was put forward`);
      if (second !== undefined) throw new RecordError(`${what}: ${cell} is there twice in ${name}: the clock was put back`);
      return time;
    },
  };
}

/** Returns the microseconds of `+03:00`, `+0300` or `+03`; 0 for `Z`, `UTC` and `GMT`. */
export function offsetOf(text: string): number {
  const [, sign, hours = '0', minutes = '0'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(text) ?? [];
  const size = (Number(hours) * 60 + Number(minutes)) * 60 * SECOND;
  return sign === '-' ? -size : size;
}
