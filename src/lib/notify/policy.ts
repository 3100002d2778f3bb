import { isAtLeast, type Notice, type Severity } from './notice.js';
import type { QueuePolicy } from './sink-queue.js';
import { runOf } from './watchdog.js';

/** Minutes of the day, `[from, until)`; one that ends before it begins goes over midnight. */
export type QuietHours = { readonly from: number; readonly until: number };

/** What one sink wants, as plain data. */
export type SinkRules = {
  readonly minimum: Severity;
  readonly quiet?: QuietHours | undefined;
  /** IANA name of the zone of the quiet hours. */
  readonly zone: string;
  /** Names of runs and writers; empty for all. */
  readonly runs: readonly string[];
  readonly symbols: readonly string[];
  readonly kinds: readonly string[];
  /** Minimum severity by symbol, which goes before `minimum`. */
  readonly bySymbol: Readonly<Record<string, Severity>>;
};

/** Returns the policy of a queue. */
export function buildPolicy(rules: SinkRules): Pick<QueuePolicy, 'minimum' | 'accepts' | 'isQuiet'> {
  const minuteOf = minutesIn(rules.zone);
  const { quiet } = rules;
  const severities = [rules.minimum, ...Object.values(rules.bySymbol)];
  return {
    // What one symbol may pass is decided by `accepts`.
    minimum: severities.reduce((least, one) => (isAtLeast(one, least) ? least : one)),
    accepts: (notice) => isWanted(notice, rules),
    isQuiet: quiet && ((time) => isWithin(minuteOf(time), quiet)),
  };
}

/** Filters leave the end of an alarm to the queue, which knows whether the alarm was sent. */
function isWanted({ source, symbol, kind, severity, clears }: Notice, rules: SinkRules): boolean {
  if (rules.runs.length > 0 && !rules.runs.includes(runOf(source))) return false;
  if (rules.symbols.length > 0 && symbol !== undefined && !rules.symbols.includes(symbol)) return false;
  if (clears !== undefined) return rules.kinds.length === 0 || rules.kinds.includes(clears);
  if (rules.kinds.length > 0 && !rules.kinds.includes(kind)) return false;
  return isAtLeast(severity, rules.bySymbol[symbol ?? ''] ?? rules.minimum);
}

function isWithin(minute: number, { from, until }: QuietHours): boolean {
  return from <= until ? minute >= from && minute < until : minute >= from || minute < until;
}

/** Returns the minute of the day in a zone, for a time in microseconds. */
function minutesIn(zone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  return (time) => {
    const [hours = 0, minutes = 0] = format
      .format(new Date(time / 1_000))
      .split(':')
      .map(Number);
    return hours * 60 + minutes;
  };
}
