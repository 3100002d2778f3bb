import { UsageError } from './errors.js';

export const MICROSECONDS_PER_MILLISECOND = 1_000;
export const SECOND = 1_000_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const WEEK = 7 * DAY;

/** 2000-01-01 and 2100-01-01. Times outside are errors (a zero, seconds for milliseconds), not data. */
export const EARLIEST = 946_684_800 * SECOND;
export const LATEST = 4_102_444_800 * SECOND;

/** Converts an exchange's time in milliseconds (number or decimal text) to microseconds, undefined where it is no time. */
export function fromMilliseconds(value: unknown): number | undefined {
  const milliseconds = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof milliseconds !== 'number' || !Number.isInteger(milliseconds)) return undefined;
  const time = milliseconds * MICROSECONDS_PER_MILLISECOND;
  return isTime(time) ? time : undefined;
}

/** Returns whether `time` is microseconds of this century. */
export function isTime(time: unknown): time is number {
  return Number.isSafeInteger(time) && (time as number) >= EARLIEST && (time as number) < LATEST;
}

/** Returns `2026-08-09T21:27:00.441Z`, with microseconds where there are any. */
export function formatTime(time: number): string {
  const micros = ((time % 1000) + 1000) % 1000;
  const iso = new Date((time - micros) / 1000).toISOString();
  return micros === 0 ? iso : iso.replace('Z', `${String(micros).padStart(3, '0')}Z`);
}

/** Floors a time to its second. */
export function floorToSecond(time: number): number {
  return Math.floor(time / SECOND) * SECOND;
}

/** Returns the UTC day of a time, `2026-08-09`. */
export function formatDate(time: number): string {
  return new Date(Math.floor(time / 1000)).toISOString().slice(0, 10);
}

/** Returns the UTC date some days before one. */
export function daysBefore(date: string, days: number): string {
  return formatDate(Date.parse(date) * MICROSECONDS_PER_MILLISECOND - days * DAY);
}

const UNITS: Record<string, number> = { us: 1, ms: 1000, s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: WEEK };

/** Returns microseconds of `100ms`, `1s`, `5m`, `1h`, `7d`. Throws a `UsageError` that names `what`, where it has a name. */
export function parseDuration(text: string, what = 'duration'): number {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)$/.exec(text.trim());
  if (!match) {
    const name = what === '' ? '' : `${what}: `;
    throw new UsageError(`${name}expected a duration such as 100ms, 1s, 5m, 1h or 7d, was "${text}"${spelledOut(text)}`);
  }
  return Math.round(Number(match[1]) * (UNITS[match[2] as string] as number));
}

/** Returns `; did you mean 5m?` for a unit that is spelled out: `5min`, `5 minutes`, `1H`. */
function spelledOut(text: string): string {
  const [, number, letter, rest = ''] = /^(\d+(?:\.\d+)?)\s*([smhdw])([a-z]*)$/i.exec(text.trim()) ?? [];
  const unit = letter?.toLowerCase();
  // `1M` and `1mo` are months elsewhere.
  if (unit === undefined || (letter === 'M' && rest === '') || /^o/i.test(rest)) return '';
  return `; did you mean ${number}${unit}?`;
}

/** Returns the shortest duration text: 60000000 → `1m`. */
export function formatDuration(duration: number): string {
  for (const unit of ['w', 'd', 'h', 'm', 's', 'ms']) {
    const size = UNITS[unit] as number;
    if (duration >= size && duration % size === 0) return `${duration / size}${unit}`;
  }
  return `${duration}us`;
}

/** Returns a duration of seconds in its two largest units: `2d 2h`, `5m 10s`, `12s`. */
export function spokenDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first < 0) return '0s';
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(' ');
}

const ISO = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

/**
 * Returns microseconds of an ISO 8601 time (UTC where it names no zone), an epoch in s, ms or µs (its length decides),
 * or a duration before `now`. Throws a `UsageError`.
 */
export function parseTime(text: string, now: number, what = 'time'): number {
  const trimmed = text.trim();
  const time = parseEpoch(trimmed) ?? parseIso(trimmed) ?? parseAgo(trimmed, now);
  if (time === undefined || !isTime(time))
    throw new UsageError(
      `${what}: expected an ISO 8601 time, an epoch of this century or a duration ago (1d, 90m), was "${text}"`,
    );
  return time;
}

function parseEpoch(text: string): number | undefined {
  if (!/^\d{9,16}(?:\.\d+)?$/.test(text)) return undefined;
  const digits = text.split('.')[0]?.length ?? 0;
  const unit = digits <= 10 ? SECOND : digits <= 13 ? 1000 : 1;
  return Math.round(Number(text) * unit);
}

function parseIso(text: string): number | undefined {
  if (!ISO.test(text) || !dayExists(text)) return undefined;
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/.test(text.slice(10)) ? text : text.length === 10 ? `${text}T00:00Z` : `${text}Z`;
  const fraction = /\.(\d{1,6})/.exec(zoned)?.[1] ?? '';
  const whole = Date.parse(zoned.replace(' ', 'T').replace(/\.\d+/, ''));
  return Number.isNaN(whole) ? undefined : whole * 1000 + Number(fraction.padEnd(6, '0'));
}

/** `Date.parse` takes 30 February for 2 March. */
function dayExists(text: string): boolean {
  const day = Date.parse(`${text.slice(0, 10)}T00:00Z`);
  return !Number.isNaN(day) && formatDate(day * 1000) === text.slice(0, 10);
}

function parseAgo(text: string, now: number): number | undefined {
  return /^\d+(?:\.\d+)?(?:ms|s|m|h|d|w)$/.test(text) ? now - parseDuration(text) : undefined;
}
