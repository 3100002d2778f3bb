import { UsageError } from '../model/errors.js';
import { asQuestion, nearest } from '../model/suggestion.js';
import { formatTime, MICROSECONDS_PER_MILLISECOND, MINUTE, parseTime } from '../model/time.js';

/** Zone of displayed times, and of times on the command line that name none. Stored times stay UTC. */
type Zone = { readonly name: string; readonly format: Intl.DateTimeFormat | undefined };

const UTC: Zone = { name: 'UTC', format: undefined };

let current = UTC;

/** Sets the zone of this process: an IANA name, `local` or `UTC`. Throws a `UsageError` that names similar zones. */
export function useTimeZone(name: string): void {
  current = zoneOf(name.trim());
}

/** Returns the name of the zone of displayed times. */
export function timeZoneName(): string {
  return current.name;
}

function zoneOf(name: string): Zone {
  if (/^(?:utc|z)$/i.test(name)) return UTC;
  const timeZone = name === 'local' ? Intl.DateTimeFormat().resolvedOptions().timeZone : name;
  try {
    const format = new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'short', timeStyle: 'medium', hourCycle: 'h23' });
    return /^(?:utc|etc\/utc)$/i.test(timeZone) ? UTC : { name: timeZone, format };
  } catch {
    throw new UsageError(`--tz: expected UTC, local or a zone such as Europe/Berlin, was "${name}"${similarZones(name)}`);
  }
}

/** People know the city: `berlin` means Europe/Berlin. */
function similarZones(name: string): string {
  const zones = Intl.supportedValuesOf('timeZone');
  const cities = new Map(zones.map((zone) => [zone.split('/').at(-1)?.toLowerCase() ?? zone, zone]));
  const near = nearest(name.split('/').at(-1)?.toLowerCase() ?? '', cities.keys());
  return asQuestion(near.map((city) => cities.get(city) as string));
}

/** Returns how far the zone is ahead of UTC at a time, microseconds. */
function offsetAt(time: number, { format }: Zone): number {
  if (!format) return 0;
  const minute = Math.floor(time / MINUTE) * MINUTE;
  const parts = new Map(
    format.formatToParts(minute / MICROSECONDS_PER_MILLISECOND).map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return wall * MICROSECONDS_PER_MILLISECOND - minute;
}

/** Returns a time in the zone: `2026-08-09T23:27:00.441+02:00`, in UTC `2026-08-09T21:27:00.441Z`. */
export function zonedTime(time: number): string {
  const offset = offsetAt(time, current);
  if (current === UTC) return formatTime(time);
  const minutes = Math.abs(Math.round(offset / MINUTE));
  const digits = (value: number) => String(value).padStart(2, '0');
  const sign = `${offset < 0 ? '-' : '+'}${digits(Math.floor(minutes / 60))}:${digits(minutes % 60)}`;
  return formatTime(time + offset).replace('Z', sign);
}

/** Returns the time of day in the zone: `23:27:00`, with milliseconds where there are any. */
export function timeOfDay(time: number): string {
  const milliseconds = Math.floor(time / MICROSECONDS_PER_MILLISECOND) * MICROSECONDS_PER_MILLISECOND;
  return zonedTime(milliseconds).slice(11, 23).replace('.000', '');
}

/** Returns the day in the zone: `2026-08-09`. */
export function dayOf(time: number): string {
  return zonedTime(time).slice(0, 10);
}

/**
 * Returns microseconds of a time on the command line, as `parseTime` does; one without a zone is read in the current zone.
 * Throws a `UsageError` for a time that the zone skips or has twice: an offset would decide.
 */
export function parseZonedTime(text: string, now: number, what: string): number {
  const time = parseTime(text, now, what);
  if (current === UTC || !isWallTime(text.trim())) return time;
  const zone = current;
  const candidates = [time - offsetAt(time - 24 * 60 * MINUTE, zone), time - offsetAt(time + 24 * 60 * MINUTE, zone)];
  const valid = [...new Set(candidates)].filter((candidate) => candidate + offsetAt(candidate, zone) === time);
  const [only, second] = valid;
  if (only === undefined) throw new UsageError(`${what}: ${zone.name} skips ${text}; add an offset such as +02:00 or Z`);
  if (second !== undefined) throw new UsageError(`${what}: ${zone.name} has ${text} twice; add an offset such as +02:00 or Z`);
  return only;
}

function isWallTime(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}/.test(text) && !/(?:Z|[+-]\d{2}:?\d{2})$/.test(text.slice(10));
}
