import type { LiveStatus } from '../../capture/live/status.js';
import { counted } from '../../model/counted.js';
import { formatCount } from '../../model/number-format.js';

/** Rates of a run between two statuses, per second. */
type Rates = { readonly records: number; readonly frames: number; readonly bytes: number };

/** Returns the rates between two statuses. */
export function ratesBetween(before: LiveStatus | undefined, now: LiveStatus): Rates {
  const seconds = Math.max(0.001, now.seconds - (before?.seconds ?? 0));
  return {
    records: (recordsOf(now) - (before ? recordsOf(before) : 0)) / seconds,
    frames: (now.frames - (before?.frames ?? 0)) / seconds,
    bytes: (now.bytes - (before?.bytes ?? 0)) / seconds,
  };
}

function recordsOf({ records }: LiveStatus): number {
  let sum = 0;
  for (const [type, count] of records) if (type !== 'clock') sum += count;
  return sum;
}

/** Returns the parts of a status, the most important first. */
export function statusParts(status: LiveStatus, rates: Rates): string[] {
  const { connections, subscriptions, queue, reconnects, gaps, repaired, duplicates, rejected } = status;
  const troubles = [
    named(subscriptions.pending, 'pending'),
    named(subscriptions.refused, 'refused'),
    named(subscriptions.stale, 'silent'),
    reconnects > 0 ? counted(reconnects, 'reconnect') : '',
    gaps > 0 ? counted(gaps, 'gap') : '',
    named(repaired.gaps, 'repaired'),
    named(rejected, 'rejected'),
    status.polls.failed > 0 ? counted(status.polls.failed, 'poll failed', 'polls failed') : '',
    duplicates > 0 ? counted(duplicates, 'duplicate') : '',
    queue.dropped > 0 ? `${formatCount(queue.dropped)} dropped` : '',
  ];
  return [
    elapsed(status.seconds),
    `connections ${connections.open}/${connections.wanted}`,
    `subscribed ${formatCount(subscriptions.confirmed)}`,
    ...troubles.filter((text) => text !== ''),
    `${formatCount(rates.records)} records/s`,
    `${formatCount(rates.frames)} frames/s`,
    `${(rates.bytes / 1e6).toFixed(1)} MB/s`,
    ...[...status.records].filter(([type]) => type !== 'clock').map(([type, count]) => `${type} ${formatCount(count)}`),
    ...status.lags.map(({ market, p50, p99, offset }) => {
      const text = `lag ${market} p50 ${milliseconds(p50)} p99 ${milliseconds(p99)}`;
      return offset <= -1 ? `${text} (clock offset: ${Math.round(offset)} ms)` : text;
    }),
    ...(queue.waiting > queue.limit / 100 ? [`queue ${formatCount(queue.waiting)}`] : []),
  ];
}

/** Returns a status as the fields of a log line. */
export function statusFields(status: LiveStatus, rates: Rates): Readonly<Record<string, unknown>> {
  const { connections, subscriptions, queue } = status;
  return {
    symbols: status.symbols,
    connections: connections.open,
    connections_wanted: connections.wanted,
    ...subscriptions,
    records_per_second: Math.round(rates.records),
    frames_per_second: Math.round(rates.frames),
    bytes_per_second: Math.round(rates.bytes),
    ...Object.fromEntries([...status.records].map(([type, count]) => [type, count])),
    ...Object.fromEntries(status.lags.flatMap(lagFields)),
    reconnects: status.reconnects,
    gaps: status.gaps,
    gaps_repaired: status.repaired.gaps,
    trades_repaired: status.repaired.trades,
    duplicates: status.duplicates,
    rejected: status.rejected,
    ...(status.polls.answered + status.polls.failed > 0 && {
      polls: status.polls.answered,
      polls_failed: status.polls.failed,
    }),
    queue: queue.waiting,
    dropped: queue.dropped,
  };
}

/** Returns the lag fields of the closing summary and of log lines. */
export function lagFields({ market, p50, p99, offset }: LiveStatus['lags'][number]): [string, number][] {
  const name = market.replace(' ', '_');
  const fields: [string, number | undefined][] = [
    [`lag_p50_ms_${name}`, p50],
    [`lag_p99_ms_${name}`, p99],
    [`clock_offset_ms_${name}`, offset < 0 ? offset : undefined],
  ];
  return fields.flatMap(([key, value]) => (value === undefined ? [] : [[key, Math.round(value * 10) / 10] as [string, number]]));
}

/** Returns lines of parts, at most `width` wide; a part that does not fit a line is cut. */
export function flow(parts: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const part of parts) {
    const longer = line === '' ? part : `${line}   ${part}`;
    if (longer.length <= width) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = part.length > width ? `${part.slice(0, Math.max(1, width - 1))}…` : part;
  }
  return line === '' ? lines : [...lines, line];
}

function named(count: number, name: string): string {
  return count > 0 ? `${formatCount(count)} ${name}` : '';
}

function milliseconds(value: number | undefined): string {
  if (value === undefined) return '-';
  return value < 10 ? `${value.toFixed(1)} ms` : `${formatCount(value)} ms`;
}

function elapsed(seconds: number): string {
  const whole = Math.floor(seconds);
  const days = Math.floor(whole / 86_400);
  const clock = [Math.floor((whole % 86_400) / 3_600), Math.floor((whole % 3_600) / 60), whole % 60];
  const text = clock.map((part) => String(part).padStart(2, '0')).join(':');
  return days > 0 ? `${days}d ${text}` : text;
}
